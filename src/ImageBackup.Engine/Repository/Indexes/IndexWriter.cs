using System;
using System.Collections.Generic;
using System.Diagnostics;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Repository.Indexes;

/// <summary>
/// Collects durable packs and writes index files of them: when restic's bound on blobs is reached, every few minutes (so
/// that what an interrupted backup stored is found again), and at the end. Any thread.
/// </summary>
internal sealed class IndexWriter(Func<byte[], string> save)
{
    private static readonly TimeSpan s_flushEvery = TimeSpan.FromMinutes(2);

    private readonly object _gate = new();
    private readonly List<IndexedPack> _packs = new();
    private readonly Stopwatch _sinceFlush = Stopwatch.StartNew();
    private int _blobCount;

    public void Add(IndexedPack pack)
    {
        lock (_gate)
        {
            _packs.Add(pack);
            _blobCount += pack.Blobs.Count;
            if (_blobCount >= RepositoryFormat.IndexBlobCount || _sinceFlush.Elapsed > s_flushEvery)
                Flush();
        }
    }

    /// <summary>Writes what is collected; nothing if there is nothing.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            if (_packs.Count > 0)
                save(IndexFile.Write(_packs, Array.Empty<string>()));
            _packs.Clear();
            _blobCount = 0;
            _sinceFlush.Restart();
        }
    }
}
