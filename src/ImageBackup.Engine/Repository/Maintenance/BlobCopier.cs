using System;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Writing;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// Puts blobs of old packs into new ones, sealed as they are, each proven against its id on the way; of an old pack what is wanted is
/// read by few reads, from its front to its back. One thread at a time; several copiers may share one plan and one committer.
/// </summary>
internal sealed class BlobCopier : IDisposable
{
    /// <summary>Contents are kept up to this many bytes, until there are enough of them to be hashed at once.</summary>
    private const int KeptBytes = 16 << 20;

    private readonly ImageRepository _repository;
    private readonly BlobIndex _index;
    private readonly PackReadPlan _plan;
    private readonly PackUploader _committer;
    private readonly BlobReader _others;
    private readonly PackReader _reader;
    private readonly PackWriter?[] _packs = new PackWriter?[2];
    private PackReadAhead.Part _part;

    /// <param name="repository">Where the packs lie.</param>
    /// <param name="index">Where other copies of a blob lie.</param>
    /// <param name="plan">What is copied.</param>
    /// <param name="committer">Takes the new packs.</param>
    public BlobCopier(ImageRepository repository, BlobIndex index, PackReadPlan plan, PackUploader committer)
    {
        _repository = repository;
        _index = index;
        _plan = plan;
        _committer = committer;
        _others = new BlobReader(repository.Files, repository.Sealers);
        _reader = new PackReader(repository.Files, repository.Sealers, plan, KeptBytes, (place, _, damage) => Copy(place, damage));
    }

    /// <summary>Copies the blobs of a request; if one cannot be read there, another copy of it.</summary>
    /// <exception cref="ImageBackupException">ChunkCorrupt, PackCorrupt: no copy of a blob can be read. A storage failure.</exception>
    public void Copy(in PackReadAhead.Part part)
    {
        _part = part;
        if (part.Damage is { } damage)
        {
            for (int place = part.Request.First, end = place + part.Request.Count; place < end; place = _plan.NextBlob(place))
                Copy(place, damage);
            return;
        }
        _reader.Open(part.Request, part.Buffer);
        // The next request takes the place of the sealed bytes.
        _reader.HashAll();
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

    private void Copy(int place, ImageBackupException? damage)
    {
        (BlobId id, BlobLocation location) = _plan.BlobAt(place);
        if (damage is null)
        {
            Append(id, location, new ArraySegment<byte>(_part.Buffer, (int)(location.OffsetBytes - _part.Request.OffsetBytes), (int)location.LengthBytes));
            return;
        }
        var copies = new List<int>();
        _index.NumbersOf(id, location.Type, copies);
        foreach (int copy in copies)
        {
            // Where it was read among others it is read once more by itself: of a pack that was cut the first blobs are there.
            BlobLocation other = _index.EntryAt(copy).Location;
            byte[] sealedBlob;
            try
            {
                sealedBlob = _others.ReadSealed(id, other);
            }
            catch (ImageBackupException e) when (e.Id is ErrorId.ChunkCorrupt or ErrorId.PackCorrupt)
            {
                // The first one's failure is the one that is told.
                continue;
            }
            Append(id, other, new ArraySegment<byte>(sealedBlob, 0, (int)other.LengthBytes));
            return;
        }
        throw damage;
    }

    private void Append(BlobId id, in BlobLocation location, ArraySegment<byte> sealedBlob)
    {
        PackWriter pack = _packs[(int)location.Type] ??= new PackWriter(_repository.Files, _repository.Sealers, location.Type);
        pack.Append(id, sealedBlob, (int)location.UncompressedLengthBytes);
        if (pack.LengthBytes >= _repository.Files.PackSizeBytes)
            Submit((int)location.Type);
    }

    private void Submit(int type)
    {
        PackWriter pack = _packs[type]!;
        pack.Seal();
        _committer.Submit(pack);
        _packs[type] = null;
    }

    public void Dispose()
    {
        foreach (PackWriter? pack in _packs)
            pack?.Dispose();
        _reader.Dispose();
        _others.Dispose();
    }
}
