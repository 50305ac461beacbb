using System;

namespace ImageBackup.Engine.Images.Format;

/// <summary>How a volume is cut: chunks of one fixed size, aligned to the volume's start; the last may be shorter.</summary>
internal readonly record struct ChunkGeometry
{
    public const int MinimumSizeBytes = 64 << 10;
    public const int MaximumSizeBytes = 4 << 20;

    /// <summary>The list of an image's chunks is one blob of at most 1 GiB, of 67 bytes each.</summary>
    public const int MaximumCount = 16_000_000;

    public ChunkGeometry(long volumeBytes, int chunkSizeBytes)
    {
        if (volumeBytes <= 0)
            throw new ArgumentOutOfRangeException(nameof(volumeBytes));
        if (chunkSizeBytes is < MinimumSizeBytes or > MaximumSizeBytes || (chunkSizeBytes & (chunkSizeBytes - 1)) != 0)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid,
                $"The chunk size {chunkSizeBytes} cannot be used: it is a power of two from 64 KiB to 4 MiB.");
        }
        if ((volumeBytes - 1) / chunkSizeBytes >= MaximumCount)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid,
                $"A volume of {volumeBytes} bytes has more than {MaximumCount} chunks of {chunkSizeBytes} bytes, which is more than an image can list: use larger chunks.");
        }
        VolumeBytes = volumeBytes;
        ChunkSizeBytes = chunkSizeBytes;
    }

    public long VolumeBytes { get; }
    public int ChunkSizeBytes { get; }

    public long ChunkCount => (VolumeBytes + ChunkSizeBytes - 1) / ChunkSizeBytes;

    public long OffsetBytes(long chunk) => chunk * ChunkSizeBytes;

    public int LengthBytes(long chunk) => (int)Math.Min(ChunkSizeBytes, VolumeBytes - OffsetBytes(chunk));

    /// <summary>
    /// The default of a volume without an image before, by its size: 256 KiB up to 64 GiB, 512 KiB up to 256 GiB, 1 MiB up to 1 TiB, 2 MiB up to
    /// 4 TiB, 4 MiB above. Small chunks make small changes cheap (tests/Bench/README.md has the curve); each costs 67 bytes in a tree that
    /// restic holds in memory, and the index: hence the steps (see src/FORMAT.md).
    /// </summary>
    public static int DefaultSizeBytes(long volumeBytes) => volumeBytes switch
    {
        <= 64L << 30 => 256 << 10,
        <= 256L << 30 => 512 << 10,
        <= 1L << 40 => 1 << 20,
        <= 4L << 40 => 2 << 20,
        _ => 4 << 20,
    };

    /// <summary>More chunks than these are not kept to only because the image before has them: a volume may have grown by as much as a disk's price fell.</summary>
    private const int KeptCount = 4 << 20;

    /// <summary>
    /// The size that nobody asked for: the one of the image before, whose chunks then need not be stored anew. If that is not a chunk's size, or
    /// too small for what the volume has grown to, the default.
    /// </summary>
    /// <param name="volumeBytes">The volume's length.</param>
    /// <param name="previousBytes">The chunk size of the image before; null: there is none, or it does not say.</param>
    public static int UsualSizeBytes(long volumeBytes, int? previousBytes) =>
        previousBytes is >= MinimumSizeBytes and <= MaximumSizeBytes and var size && (size & (size - 1)) == 0 && (volumeBytes - 1) / size < KeptCount
            ? size
            : DefaultSizeBytes(volumeBytes);
}
