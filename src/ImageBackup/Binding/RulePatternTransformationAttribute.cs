using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;

namespace ImageBackup.Binding;

/// <summary>Turns the arguments of a rule's -Volume into <see cref="RulePatternArgument"/>s.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class RulePatternTransformationAttribute : ArgumentTransformationAttribute
{
    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData) => inputData is null
        ? null
        : new List<RulePatternArgument>(RulePatternArgument.From(inputData)).ToArray();
}
