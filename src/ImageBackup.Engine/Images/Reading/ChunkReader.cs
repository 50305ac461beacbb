using System;
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
        damage = DamageOf(() => _reader.Read(chunk.Id, first, buffer));
        if (damage is null)
            return true;
        foreach (BlobLocation other in image.Places(chunk.Id))
        {
            if (other != first && DamageOf(() => _reader.Read(chunk.Id, other, buffer)) is null)
                return true;
        }
        return false;
    }

    private ImageBackupException? DamageOf(Action read)
    {
        try
        {
            read();
            return null;
        }
        catch (ImageBackupException e) when (IsDamage(repository, e))
        {
            return e;
        }
    }

    /// <summary>One file that is bad is damage; a share that went away makes every file look so.</summary>
    public static bool IsDamage(ImageRepository repository, ImageBackupException e) =>
        e.Id == ErrorId.ChunkCorrupt || e.Id == ErrorId.PackCorrupt && repository.IsReachable();

    public void Dispose() => _reader.Dispose();
}
