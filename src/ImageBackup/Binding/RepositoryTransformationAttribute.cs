using System;
using System.IO;
using System.Management.Automation;

namespace ImageBackup.Binding;

/// <summary>Turns the argument of -Repository into a <see cref="RepositoryArgument"/>.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class RepositoryTransformationAttribute : ArgumentTransformationAttribute
{
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        RepositoryArgument.From(inputData) ?? throw new ArgumentTransformationMetadataException(
            "Give a repository's path, the name that Connect-ImageRepository gave it, or its object.");
}
