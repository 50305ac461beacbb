using System;
using System.Diagnostics;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Indexes;

/// <summary>
/// Writes index files of durable packs: when restic's bound on blobs is reached, every few minutes (so that what an interrupted backup
/// stored is found again), and at the end. A pack is text when it was added, and compressed: until a file is full it takes what it will
/// take there, and nobody's list of its blobs is held. Any thread.
/// </summary>
/// <param name="files">Where they go.</param>
/// <param name="sealers">Seal them.</param>
/// <param name="formatVersion">The repository's format.</param>
internal sealed class IndexWriter(RepositoryFiles files, SealerPool sealers, int formatVersion) : IDisposable
{
    private static readonly TimeSpan s_flushEvery = TimeSpan.FromMinutes(2);

    private readonly object _gate = new();
    private readonly SealedText _text = new(formatVersion);
    private readonly Stopwatch _sinceFlush = Stopwatch.StartNew();
    private IndexText? _open;
    private int _packCount;
    private int _blobCount;

    /// <summary>Asked before each file is written; throws if none may be any more.</summary>
    public Action? BeforeSaving { get; init; }

    /// <summary>Told the name of each file that was written.</summary>
    public Action<string>? OnSaved { get; init; }

    public void Add(IndexedPack pack)
    {
        lock (_gate)
        {
            // A file that could not be written goes first: its text has ended.
            if (_packCount > 0 && _open is null)
                Flush();
            _open ??= new IndexText(_text, []);
            _open.Add(pack);
            _packCount++;
            _blobCount += pack.Blobs.Count;
            if (_blobCount >= RepositoryFormat.IndexBlobCount || _sinceFlush.Elapsed > s_flushEvery)
                Flush();
        }
    }

    /// <summary>Writes what was added; nothing if there is nothing. What could not be written is written by the next call.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            if (_packCount > 0)
            {
                _open?.End();
                _open?.Dispose();
                _open = null;
                BeforeSaving?.Invoke();
                string name = files.SaveSealed(StoredKind.Index, _text, sealers);
                _text.Clear();
                _packCount = _blobCount = 0;
                OnSaved?.Invoke(name);
            }
            _sinceFlush.Restart();
        }
    }

    /// <summary>Writes nothing.</summary>
    public void Dispose()
    {
        _open?.Dispose();
        _text.Dispose();
    }
}
