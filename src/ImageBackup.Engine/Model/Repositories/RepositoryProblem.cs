using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>One thing that is wrong: the stable error id, the file, and what.</summary>
public sealed record RepositoryProblem(ErrorId ErrorId, string File, string Message)
{
    /// <summary>The error id, the file and what is wrong.</summary>
    public override string ToString() => DisplayText.Line($"{ErrorId}: {File}: {Message}");
}
