using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;

namespace ImageBackup.Binding;

/// <summary>Turns the arguments of -Volume or -Destination into <see cref="VolumeArgument"/>s.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class VolumeTransformationAttribute : ArgumentTransformationAttribute
{
    /// <summary>Null stays null: the caller that asks for a volume then says that none was named.</summary>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if (inputData is null)
            return null;
        IReadOnlyList<VolumeArgument> found = VolumeArgument.From(inputData);
        var array = new VolumeArgument[found.Count];
        for (int i = 0; i < array.Length; i++)
            array[i] = found[i];
        return array;
    }
}
