namespace ImageBackup;

/// <summary>Whether two identities are of one volume.</summary>
internal enum IdentityVerdict
{
    Same,
    Different,

    /// <summary>They have nothing in common that decides.</summary>
    CannotTell,
}

/// <summary>What comparing two identities gave.</summary>
internal sealed record IdentityComparison
{
    public required IdentityVerdict Verdict { get; init; }

    /// <summary>The fact of the one that decided; null: none did.</summary>
    public IdentityFact? One { get; init; }

    /// <summary>The fact of the other that decided; null: none did.</summary>
    public IdentityFact? Other { get; init; }

    /// <summary>The place is the same, and another file system is there: the volume was formatted.</summary>
    public bool IsContentChanged { get; init; }

    /// <summary>What decided, as a clause that can follow a colon.</summary>
    public required string Reason { get; init; }
}
