using System;
using System.Linq;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Reading;

namespace ImageBackup.Engine.Images.Reading;

/// <summary>Reads an image's chunks, proven; one that is damaged at one place is taken from another if it has one. One thread at a time.</summary>
internal sealed class ChunkReader(ImageRepository repository, ImageContent image) : IDisposable
{
    private readonly BlobReader _reader = new(repository.Files, repository.Sealers);

    /// <summary>Fills the buffer; false if the chunk is missing or damaged everywhere, and <paramref name="damage"/> says how.</summary>
    /// <exception cref="ImageBackupException">The storage is away: that says nothing of the chunk.</exception>
    public bool TryRead(ImageChunk chunk, byte[] buffer, out ImageBackupException? damage)
    {
        damage = null;
        if (chunk.Location is not { } first)
            return false;
        damage = _reader.TryPlaces(image.Places(chunk.Id).Where(other => other != first).Prepend(first), place => _reader.Read(chunk.Id, place, buffer));
        return damage is null;
    }

    public void Dispose() => _reader.Dispose();
}
