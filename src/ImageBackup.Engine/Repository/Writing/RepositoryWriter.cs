using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Writing;

/// <summary>
/// One job's writing of blobs: <see cref="BlobWriter"/>s (one a worker) dedupe, compress, seal, prove and pack; packs become durable behind
/// them; index files follow the packs. Nothing is referred to before it is on stable storage.
/// </summary>
internal sealed class RepositoryWriter : IDisposable
{
    private readonly RepositoryFiles _files;
    private readonly SealerPool _sealers;
    private readonly BlobIndex _index;
    private readonly IndexWriter _indexWriter;
    private readonly PackUploader _committer;
    private readonly HashSet<(BlobId, BlobType)> _inFlight = new();
    private long _storedBytes;
    private bool _finished;

    /// <param name="files">The repository's files.</param>
    /// <param name="sealers">Its ciphers.</param>
    /// <param name="index">What it has already; grows with what is stored.</param>
    /// <param name="formatVersion">Its format.</param>
    /// <param name="lockLost">
    /// Cancelled when others may remove packs under us: from then on no index is written, which could list packs that are
    /// gone.
    /// </param>
    /// <param name="adoptable">
    /// Ends when packs may be committed, with those that are to be adopted, and fails if they may not. While a lock settles,
    /// blobs are made but nothing gets a name. Null: packs may be committed at once.
    /// </param>
    public RepositoryWriter(RepositoryFiles files, SealerPool sealers, BlobIndex index, int formatVersion, CancellationToken lockLost,
        Task<IReadOnlyList<IndexedPack>>? adoptable = null)
    {
        _files = files;
        _sealers = sealers;
        _index = index;
        _indexWriter = new IndexWriter(files, sealers, formatVersion) { BeforeSaving = lockLost.ThrowIfCancellationRequested };
        _committer = new PackUploader(files.Traits.Connections, OnCommitted, adoptable is null ? null : Adopt(adoptable));
    }

    /// <summary>How data is compressed by the writers that are opened from now on. Trees are compressed always, as restic's are.</summary>
    public ImageCompression Compression { get; init; } = ImageCompression.Auto;

    /// <summary>Bytes of all packs sealed so far.</summary>
    public long StoredBytes => Interlocked.Read(ref _storedBytes);

    /// <summary>A writer for one thread.</summary>
    /// <param name="isOfSmallFiles">For an image's own files, which the next backup on this machine reads.</param>
    public BlobWriter OpenLane(bool isOfSmallFiles = false) => new(this, _files, _sealers, isOfSmallFiles);

    /// <summary>Whether the repository has the blob: durable, in a pack that is there.</summary>
    public bool Has(BlobId id, BlobType type) => _index.Contains(id, type);

    /// <summary>
    /// True if the blob must be stored by the caller; false if the repository has it or another writer is storing it.
    /// </summary>
    internal bool Reserve(BlobId id, BlobType type)
    {
        if (_index.Contains(id, type))
            return false;
        lock (_inFlight)
            return !_index.Contains(id, type) && _inFlight.Add((id, type));
    }

    /// <summary>Takes a pack over, also on failure: its writer does not know it any more.</summary>
    internal void Submit(PackWriter pack)
    {
        try
        {
            pack.Seal();
            Interlocked.Add(ref _storedBytes, pack.LengthBytes);
            _committer.Submit(pack);
        }
        catch
        {
            pack.Dispose();
            throw;
        }
    }

    /// <summary>Drops a pack that its writer will not hand over: its blobs are not being stored any more.</summary>
    internal void Abandon(PackWriter pack)
    {
        Release(pack.Entries);
        pack.Dispose();
    }

    /// <summary>The blob is not being stored by who reserved it.</summary>
    internal void Release(BlobId id, BlobType type)
    {
        lock (_inFlight)
            _inFlight.Remove((id, type));
    }

    private void Release(IReadOnlyList<PackEntry> blobs)
    {
        lock (_inFlight)
        {
            foreach (PackEntry blob in blobs)
                _inFlight.Remove((blob.Id, blob.Type));
        }
    }

    internal void ThrowIfFailed() => _committer.ThrowIfFailed();

    /// <summary>Waits until packs may be committed, and throws what forbids it.</summary>
    public void WaitUntilLocked() => _committer.WaitUntilAllowed();

    /// <summary>Makes everything durable and indexed. Every writer must have been flushed before.</summary>
    public void Finish()
    {
        if (_finished)
            throw new InvalidOperationException("The session has ended.");
        _committer.Finish();
        _indexWriter.Flush();
        _finished = true;
    }

    /// <summary>Has packs listed that are in the index already and in no index file: they landed in a backup that was killed.</summary>
    public void Adopt(IEnumerable<IndexedPack> packs)
    {
        foreach (IndexedPack pack in packs)
            _indexWriter.Add(pack);
    }

    private async Task Adopt(Task<IReadOnlyList<IndexedPack>> packs) => Adopt(await packs.ConfigureAwait(false));

    private void OnCommitted(IndexedPack pack)
    {
        foreach (PackEntry blob in pack.Blobs)
            _index.Add(blob.Id, blob.In(pack.PackId));
        Release(pack.Blobs);
        _indexWriter.Add(pack);
    }

    /// <summary>
    /// Without <see cref="Finish"/>: packs that are durable already are indexed still, so that the next backup finds them.
    /// </summary>
    public void Dispose()
    {
        _committer.Dispose();
        using (_indexWriter)
        {
            if (!_finished)
                ListWhatLanded();
        }
    }

    private void ListWhatLanded()
    {
        _finished = true;
        try
        {
            _indexWriter.Flush();
        }
        catch (ImageBackupException)
        {
            // The storage that failed the job fails this too; the packs stay unreferenced, which does no harm.
        }
        catch (OperationCanceledException)
        {
            // The lock is lost.
        }
    }
}
