using System;
using System.Management.Automation;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Binding;

/// <summary>
/// Lets a parameter take a number of bytes as PowerShell's literals (1MB) give it, or as the text that <see cref="ByteSizeText"/> reads.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ByteSizeAttribute : ArgumentTransformationAttribute
{
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (value is not string text)
            return value;
        if (!ByteSizeText.TryParse(text, out decimal bytes))
        {
            throw new ArgumentTransformationMetadataException(
                $"'{text}' is not a size. Give a number of bytes, or one with a unit such as 1MB, 1MiB or 64K.");
        }
        if (bytes != decimal.Truncate(bytes))
            throw new ArgumentTransformationMetadataException($"'{text}' is not a whole number of bytes.");
        return (long)bytes;
    }
}
