using System;
using System.IO;
using System.Security.Cryptography.X509Certificates;
using ImageBackup.Engine.Storage.Transfer;

namespace ImageBackup.Engine.Storage.Http;

/// <summary>How a server is spoken to: who we are, and whom we trust. Holds secrets: it is never shown.</summary>
internal sealed record HttpAccess
{
    /// <summary>restic's: a request without progress for so long is given up.</summary>
    public static readonly TimeSpan DefaultIdle = TimeSpan.FromMinutes(5);

    public string? UserName { get; init; }

    public string? Password { get; init; }

    /// <summary>The only authorities that are trusted; empty: the system's.</summary>
    public X509Certificate2Collection Authorities { get; init; } = [];

    /// <summary>Our own certificate with its key; null: none.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>So many files are sent at once, and so many are read.</summary>
    public int Connections { get; init; } = StorageTraits.DefaultConnections;

    /// <summary>Who reads and sends side by side (a prune, a copy) does not wait for himself, and a lock waits behind neither.</summary>
    public static int MostConnections(int connections) => 2 * connections + 2;

    /// <summary>How fast bodies may go; null: as fast as they do.</summary>
    public TransferLimits? Limits { get; init; }

    /// <summary>A request without progress for so long is given up.</summary>
    public TimeSpan Idle { get; init; } = DefaultIdle;

    /// <summary>Gives a connection that speaks HTTP/2 and nothing else, such as a program's pipes; null: by the network.</summary>
    public Func<Stream>? Connect { get; init; }

    /// <summary>Knows more of a failure than the connection does; null: nobody does.</summary>
    public Func<StorageException, StorageException>? Explain { get; init; }
}
