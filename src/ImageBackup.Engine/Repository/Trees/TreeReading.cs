using System;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Reading;

namespace ImageBackup.Engine.Repository.Trees;

/// <summary>
/// Lends a tree's bytes to several threads that walk trees, each with a reader of its own. A tree has 67 bytes for each chunk of a
/// volume: of those that are large, one at a time is in memory.
/// </summary>
internal sealed class TreeReading(ImageRepository repository) : IDisposable
{
    /// <summary>A volume of half a million chunks has one so long.</summary>
    private const uint LargeBytes = 32 << 20;

    private readonly object _gate = new();
    private BlobReader? _large;

    /// <summary>A reader for one thread.</summary>
    public BlobReader Open() => new(repository.Files, repository.Sealers, usesCache: true);

    /// <summary>Reads a tree and proves it against its id. Its bytes are good until <paramref name="use"/> returns.</summary>
    /// <exception cref="ImageBackupException">ChunkCorrupt, PackCorrupt; a storage failure.</exception>
    public void Read(BlobReader own, BlobId tree, in BlobLocation location, Action<ArraySegment<byte>> use)
    {
        if (location.ContentLengthBytes <= LargeBytes)
        {
            use(own.ReadHeld(tree, location));
            return;
        }
        lock (_gate)
            use((_large ??= Open()).ReadHeld(tree, location));
    }

    /// <summary>
    /// Reads a tree part by part: a large one is never in memory as text. It is proven at its end: what was called back is void if this throws.
    /// </summary>
    /// <exception cref="ImageBackupException">ChunkCorrupt, PackCorrupt; a storage failure.</exception>
    /// <exception cref="FormatException">Not a tree.</exception>
    public void Parse(BlobReader own, BlobId tree, in BlobLocation location, TreeParser parser)
    {
        if (location.ContentLengthBytes <= LargeBytes)
        {
            own.ReadInParts(tree, location, parser.Parse);
            return;
        }
        lock (_gate)
            (_large ??= Open()).ReadInParts(tree, location, parser.Parse);
    }

    public void Dispose() => _large?.Dispose();
}
