using System;
using System.Management.Automation;

namespace ImageBackup.Binding;

/// <summary>
/// Lets a blank text stand for "not set": that is what a CSV file has for it, and PowerShell would make 0 or an error of it.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class BlankIsNullAttribute : ArgumentTransformationAttribute
{
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        InputProperties.Bare(inputData) is string text && text.Trim().Length == 0 ? null : inputData;
}
