using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup;

/// <summary>
/// A rule's pattern as the user named it: text is a pattern, a rule stands for its own, and an object that stands for a
/// volume for the pattern that it alone matches. Never fails to bind.
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

    /// <summary>Null if <see cref="Problem"/> tells why there is none.</summary>
    public string? Pattern { get; }
    public string? Problem { get; }

    /// <summary>The object if it is a whole rule and not only a pattern; <see cref="RuleObject"/> reads it.</summary>
    internal PSObject? Rule { get; private init; }

    /// <summary>The name of the volume that the object stands for; null: the text or object is a pattern.</summary>
    internal string? VolumeName { get; private init; }

    public override string ToString() => Pattern ?? Problem ?? "";

    public static IReadOnlyList<RulePatternArgument> From(object? value)
    {
        var found = new List<RulePatternArgument>();
        if (value is null)
            return found;
        Add(value, found, depth: 0);
        return found;
    }

    private static void Add(object? value, List<RulePatternArgument> found, int depth)
    {
        if (value is null)
        {
            found.Add(new(DBNull.Value, null, "$null is not a pattern."));
            return;
        }
        if (!InputProperties.TryBare(value, depth, out object? bare))
            return;
        if (NumberToken.IsNumber(bare) && NumberToken.TextOf(value) is { } typed)
            bare = typed;
        if (InputProperties.TextOf(bare) is { } text)
        {
            found.Add(text.Length > 0 ? new(value, text, null) : new(value, null, "An empty text is not a pattern."));
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
        PSObject properties = PSObject.AsPSObject(value);
        bool isRule = RuleObject.Is(properties);
        if ((isRule ? InputProperties.Text(properties, "Volume") : PatternOf(properties)) is { } pattern)
        {
            found.Add(new(value, pattern, null) { Rule = isRule ? properties : null });
            return;
        }
        foreach (VolumeArgument volume in VolumeArgument.From(value))
        {
            found.Add(volume.Name is { } name
                ? new(volume.Input, VolumePattern.Escape(name, RuleParseOptions.Default.IsWindows), null) { VolumeName = name }
                : new(volume.Input, null, volume.Problem));
        }
    }

    /// <summary>A domain entry's own pattern, also of one that came through a job or a remote session.</summary>
    private static string? PatternOf(PSObject value)
    {
        foreach (string typeName in value.TypeNames)
        {
            if (typeName.EndsWith("." + nameof(DomainEntry), StringComparison.Ordinal))
                return InputProperties.Text(value, "Volume");
        }
        // Its row of a CSV file, or its JSON: a pattern and where it stands.
        return InputProperties.Has(value, nameof(DomainEntry.Enforced)) && InputProperties.Has(value, nameof(DomainEntry.RulePath)) && InputProperties.Has(value, nameof(DomainEntry.Line))
            ? InputProperties.Text(value, "Volume")
            : null;
    }
}
