using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;

namespace ImageBackup.Binding;

/// <summary>
/// Lets a parameter take the beginnings of ids also if PowerShell took one for a number (<see cref="NumberToken"/>), and refuses
/// a blank one: every id begins with nothing.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class IdTransformationAttribute : ArgumentTransformationAttribute
{
    /// <summary>What is said of a number whose text is not known.</summary>
    internal static string Lost(object number) =>
        $"The number {number} is not an id: PowerShell makes numbers of ids such as 01234567 and 9e11, and this one's text is lost. Write the id in quotation marks.";

    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? bare = InputProperties.Bare(inputData);
        if (bare is not IList list)
            return One(inputData);
        var all = new List<object?>(list.Count);
        foreach (object? item in list)
            all.Add(One(item));
        return all.ToArray();
    }

    private static object? One(object? value)
    {
        if (NumberToken.IsNumber(value))
            return NumberToken.TextOf(value!) ?? throw new ArgumentTransformationMetadataException(Lost(value!));
        if (InputProperties.Bare(value) is string text && text.Trim().Length == 0)
            throw new ArgumentTransformationMetadataException("A blank text is not the beginning of an id.");
        return value;
    }
}
