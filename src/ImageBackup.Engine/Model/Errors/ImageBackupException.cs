using System;

namespace ImageBackup;

/// <summary>
/// Every failure that a user can act on: a stable id, what happened and to what, and what to do about it.
/// The cmdlets turn it into an ErrorRecord; any other exception is a defect of ours.
/// </summary>
public class ImageBackupException : Exception
{
    public ImageBackupException(ErrorId id, string message, string? target = null, Exception? inner = null)
        : base(message, inner)
    {
        Id = id;
        Target = target;
    }

    public ErrorId Id { get; }

    /// <summary>What it happened to: a volume's name, a repository's path, an image's id. Never a secret.</summary>
    public string? Target { get; }

    /// <summary>What the user can do; from the table unless the thrower knows better.</summary>
    public string RecommendedAction { get => field ?? ErrorTable.Get(Id).RecommendedAction; init; }
}
