using System;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Reading;

/// <summary>
/// Opens and proves what a plan wants out of bytes that were read of its packs. One thread at a time; holds its buffers for the
/// next read.
/// </summary>
internal sealed class PackReader : IDisposable
{
    private readonly BlobReader _reader;
    private readonly BlobBatch _batch;
    private readonly PackReadPlan _plan;

    /// <param name="files">Where the packs lie.</param>
    /// <param name="sealers">Open the blobs.</param>
    /// <param name="plan">What is wanted.</param>
    /// <param name="keptBytes">The most of contents that is kept to be hashed at once.</param>
    /// <param name="use">
    /// Told of each blob once, by its first place in the plan: its content, good until it returns, and what is wrong with
    /// it, else null.
    /// </param>
    public PackReader(RepositoryFiles files, SealerPool sealers, PackReadPlan plan, int keptBytes, Action<int, ArraySegment<byte>, ImageBackupException?> use)
    {
        _plan = plan;
        _reader = new BlobReader(files, sealers);
        _batch = new BlobBatch(_reader, keptBytes, use);
    }

    /// <summary>Reads a request's bytes. Any thread.</summary>
    /// <exception cref="ImageBackupException">PackCorrupt if the pack is missing or too short; a storage failure.</exception>
    public static void Fill(RepositoryFiles files, in PackRequest request, byte[] buffer) =>
        files.ReadAt(StoredKind.Pack, request.PackId.ToString(), request.OffsetBytes, buffer, request.LengthBytes);

    /// <summary>Opens what a request wants of its bytes. Some of it is kept until <see cref="HashAll"/> or a later request.</summary>
    public void Open(in PackRequest request, byte[] buffer)
    {
        for (int place = request.First, end = request.First + request.Count; place < end; place = _plan.NextBlob(place))
        {
            (BlobId id, BlobLocation location) = _plan.BlobAt(place);
            _batch.Add(place, id, location, buffer.AsSpan((int)(location.OffsetBytes - request.OffsetBytes), (int)location.LengthBytes));
        }
    }

    /// <summary>Proves what is kept.</summary>
    public void HashAll() => _batch.HashAll();

    public void Dispose()
    {
        _batch.Dispose();
        _reader.Dispose();
    }
}
