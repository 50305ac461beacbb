using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;

namespace ImageBackup.Binding;

/// <summary>Turns the arguments of -ImageBackup into <see cref="ImageArgument"/>s.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ImageTransformationAttribute : ArgumentTransformationAttribute
{
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if (inputData is null)
            return null;
        IReadOnlyList<ImageArgument> found = ImageArgument.From(inputData);
        var array = new ImageArgument[found.Count];
        for (int i = 0; i < array.Length; i++)
            array[i] = found[i];
        return array;
    }
}
