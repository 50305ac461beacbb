namespace ImageBackup.Engine.Repository.Files;

/// <summary>The constants of restic's repository format, and our bounds on hostile files. One place; never reused for anything else.</summary>
internal static class RepositoryFormat
{
    public const int OldestVersion = 1;
    public const int Version = 2;

    /// <summary>First byte of an unpacked file's plaintext in format 2: zstd follows (design.rst, "Unpacked Data Format").</summary>
    public const byte CompressedEncoding = 2;

    /// <summary>Packs are closed once they reach this many bytes, if nothing else is asked for. restic's own.</summary>
    public const int PackSizeBytes = 16 << 20;

    /// <summary>restic's bounds on what may be asked for.</summary>
    public const int LeastPackSizeBytes = 4 << 20, MostPackSizeBytes = 128 << 20;

    /// <summary>restic's own bound: an index file describes at most this many blobs.</summary>
    public const int IndexBlobCount = 50_000;

    /// <summary>Bound on a blob's content in bytes; a tree of 16 TiB in 4 MiB chunks stays below.</summary>
    public const int BlobLimitBytes = 1 << 30;

    public const int ConfigLimitBytes = 1 << 20;
    public const int KeyLimitBytes = 64 << 10;
    public const int LockLimitBytes = 64 << 10;
    public const int SnapshotLimitBytes = 64 << 20;

    /// <summary>Index files: restic keeps them near 8 MiB; older ones were seen larger.</summary>
    public const int IndexLimitBytes = 512 << 20;
    public const int PackHeaderLimitBytes = 64 << 20;

    /// <summary>No pack is longer: blobs lie at offsets of 32 bits, and the header is bounded. A sparse file costs its maker nothing.</summary>
    public const long PackLimitBytes = (4L << 30) + BlobLimitBytes + PackHeaderLimitBytes;
}
