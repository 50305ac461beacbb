using ImageBackup.Engine.Repository.Sealing;

namespace ImageBackup.Engine.Repository.Blobs;

/// <summary>What a blob holds; packs hold only one kind.</summary>
internal enum BlobType
{
    Data = 0,
    Tree = 1,
}

/// <summary>
/// Where a blob lies: in which pack, from which byte, how many sealed bytes, and how long its content is when it is
/// compressed (0 = stored uncompressed).
/// </summary>
internal readonly record struct BlobLocation(BlobId PackId, BlobType Type, uint OffsetBytes, uint LengthBytes, uint UncompressedLengthBytes)
{
    public bool IsCompressed => UncompressedLengthBytes != 0;

    /// <summary>The content's length in bytes.</summary>
    public uint ContentLengthBytes => IsCompressed ? UncompressedLengthBytes : LengthBytes - Sealer.OverheadBytes;
}
