using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;
using ImageBackup.Engine.Jobs;
using ImageBackup.Engine.Policy;

namespace ImageBackup.Binding;

/// <summary>
/// A rule's pattern as the user named it: text is a pattern, a rule stands for its own, and an object that stands for a
/// volume for the pattern that its name alone matches. Never fails to bind.
/// </summary>
public sealed class RulePatternArgument
{
    private RulePatternArgument(object input, string? pattern, string? problem)
    {
        Input = input;
        Pattern = pattern;
        Problem = problem;
    }

    /// <summary>What was given; the error record's target.</summary>
    public object Input { get; }

    /// <summary>Null where <see cref="Problem"/> tells why there is none.</summary>
    public string? Pattern { get; }
    public string? Problem { get; }

    public override string ToString() => Pattern ?? Problem ?? "";

    public static IReadOnlyList<RulePatternArgument> From(object? value)
    {
        var found = new List<RulePatternArgument>();
        Add(value, found, depth: 0);
        return found;
    }

    private static void Add(object? value, List<RulePatternArgument> found, int depth)
    {
        if (value is null || !InputProperties.TryBare(value, depth, out object? bare))
            return;
        if (InputProperties.TextOf(bare) is { } text)
        {
            found.Add(text.Length > 0 ? new(value, text, null) : new(value, null, "An empty text is no pattern."));
            return;
        }
        switch (bare)
        {
            case RulePatternArgument argument:
                found.Add(argument);
                return;
            case IEnumerable list and not IDictionary and not FileSystemInfo:
                foreach (object? item in list)
                    Add(item, found, depth + 1);
                return;
        }
        if (PatternOf(PSObject.AsPSObject(value)) is { } pattern)
        {
            found.Add(new(value, pattern, null));
            return;
        }
        foreach (VolumeArgument volume in VolumeArgument.From(value))
        {
            found.Add(volume.Name is { } name
                ? new(volume.Input, VolumePattern.Escape(name, RuleParseOptions.Default.IsWindows), null)
                : new(volume.Input, null, volume.Problem));
        }
    }

    /// <summary>A rule's or domain entry's own pattern, also of one that came through a job or a remote session.</summary>
    private static string? PatternOf(PSObject value)
    {
        foreach (string typeName in value.TypeNames)
        {
            if (typeName.EndsWith("." + nameof(RuleInfo), StringComparison.Ordinal) || typeName.EndsWith("." + nameof(DomainEntry), StringComparison.Ordinal))
                return InputProperties.Text(value, "Volume");
        }
        return null;
    }
}

/// <summary>Turns whatever is given to the -Volume of a rule into <see cref="RulePatternArgument"/>s.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RulePatternTransformationAttribute : ArgumentTransformationAttribute
{
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        new List<RulePatternArgument>(RulePatternArgument.From(inputData)).ToArray();
}
