using System;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>One of a repository's keys: a password that opens it. Its file is not sealed: everyone who may write to the repository can change it.</summary>
public sealed record RepositoryKeyInfo
{
    /// <summary>The key's name: 64 hexadecimal digits.</summary>
    public required string Id { get; init; }
    public string ShortId => DisplayText.ShortId(Id);

    /// <summary>This session opened the repository with it.</summary>
    public required bool IsCurrent { get; init; }

    /// <summary>What it is for, as its owner wrote; null if nobody did.</summary>
    public string? Label { get; init; }

    /// <summary>Who made it, and where.</summary>
    public string? UserName { get; init; }
    public string? ComputerName { get; init; }
    public DateTime? Created { get; init; }

    /// <summary>Why the key's file cannot be used; null if it can.</summary>
    public string? Problem { get; init; }

    /// <summary>The repository's location, as given when it was opened.</summary>
    public required string Repository { get; init; }

    /// <summary>The beginning of its id, which stands for the key wherever an id is asked for.</summary>
    public override string ToString() => ShortId;
}
