using System;
using System.Management.Automation;

namespace ImageBackup.Binding;

/// <summary>Lets a switch take 'True' and 'False', as a CSV file has them; a blank text is false.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SwitchTextAttribute : ArgumentTransformationAttribute
{
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if (InputProperties.Bare(inputData) is not string text)
            return inputData;
        if (text.Trim().Length == 0)
            return false;
        return bool.TryParse(text.Trim(), out bool value)
            ? value
            : throw new ArgumentTransformationMetadataException($"'{text}' is neither True nor False.");
    }
}
