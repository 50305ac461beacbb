namespace ImageBackup.Engine.Storage;

/// <summary>What the user of a storage must know of it to be quick and to be safe.</summary>
internal sealed record StorageTraits
{
    /// <summary>So many calls at once are worth it: restic's number for servers.</summary>
    public const int DefaultConnections = 5;

    /// <summary>A directory: one thread commits, and a read costs no round trip.</summary>
    public static StorageTraits Local { get; } = new();

    /// <summary>A server: each call costs a round trip, and a commit sends the whole file.</summary>
    public static StorageTraits Remote { get; } = new() { IsRemote = true, Connections = DefaultConnections };

    /// <summary>Each call costs a round trip.</summary>
    public bool IsRemote { get; init; }

    /// <summary>So many uploads at once are worth it.</summary>
    public int Connections { get; init; } = 1;
}
