using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>One thing that is wrong: the stable error id, the file, and what.</summary>
public sealed record RepositoryProblem(ErrorId ErrorId, string File, string Message)
{
    /// <summary>Its members, as they may be shown.</summary>
    public override string ToString() => DisplayText.Record(nameof(RepositoryProblem), PrintMembers);
}
