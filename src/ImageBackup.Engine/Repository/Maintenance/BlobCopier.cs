using System;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Writing;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// Puts blobs of old packs into new ones, sealed as they are, each proven against its id on the way. One thread at a time;
/// several copiers may share one committer.
/// </summary>
internal sealed class BlobCopier(ImageRepository repository, BlobIndex index, PackUploader committer) : IDisposable
{
    private readonly BlobReader _reader = new(repository.Files, repository.Sealers);
    private readonly PackWriter?[] _packs = new PackWriter?[2];

    /// <summary>Copies the blob of an entry; if that cannot be read, another copy of it.</summary>
    /// <exception cref="ImageBackupException">ChunkCorrupt, PackCorrupt: no copy can be read. A storage failure.</exception>
    public void Copy(int number)
    {
        (BlobId id, BlobLocation location, _) = index.EntryAt(number);
        byte[] sealedBlob;
        try
        {
            sealedBlob = _reader.ReadSealed(id, location);
        }
        catch (ImageBackupException e) when (e.Id is ErrorId.ChunkCorrupt or ErrorId.PackCorrupt)
        {
            (sealedBlob, location) = ReadAnother(id, location, e);
        }
        PackWriter pack = _packs[(int)location.Type] ??= new PackWriter(repository.Files, repository.Sealers, location.Type);
        pack.Append(id, sealedBlob, (int)location.LengthBytes, (int)location.UncompressedLengthBytes);
        if (pack.LengthBytes >= RepositoryFormat.PackSizeBytes)
            Submit((int)location.Type);
    }

    /// <summary>Hands over the packs begun.</summary>
    public void Flush()
    {
        for (int type = 0; type < _packs.Length; type++)
        {
            if (_packs[type] is not null)
                Submit(type);
        }
    }

    private void Submit(int type)
    {
        PackWriter pack = _packs[type]!;
        pack.Seal();
        committer.Submit(pack);
        _packs[type] = null;
    }

    private (byte[] SealedBlob, BlobLocation Location) ReadAnother(BlobId id, BlobLocation unreadable, ImageBackupException failure)
    {
        var copies = new List<int>();
        index.NumbersOf(id, unreadable.Type, copies);
        foreach (int copy in copies)
        {
            BlobLocation location = index.EntryAt(copy).Location;
            if (location == unreadable)
                continue;
            try
            {
                return (_reader.ReadSealed(id, location), location);
            }
            catch (ImageBackupException e) when (e.Id is ErrorId.ChunkCorrupt or ErrorId.PackCorrupt)
            {
                // The first one's failure is the one that is told.
            }
        }
        throw failure;
    }

    public void Dispose()
    {
        foreach (PackWriter? pack in _packs)
            pack?.Dispose();
        _reader.Dispose();
    }
}
