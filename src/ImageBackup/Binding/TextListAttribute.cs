using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace ImageBackup.Binding;

/// <summary>
/// Lets a list of an object stand for the texts in it, and the text that Export-Csv writes for one ("a; b"); a blank text is an
/// empty list.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class TextListAttribute : ArgumentTransformationAttribute
{
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData) => InputProperties.Bare(inputData) switch
    {
        string text => text.Split(';').Select(item => item.Trim()).Where(item => item.Length > 0).ToArray(),
        IEnumerable<string> texts => texts.ToArray(),
        _ => inputData,
    };
}
