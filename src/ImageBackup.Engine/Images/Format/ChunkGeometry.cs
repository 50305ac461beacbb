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
    /// The default by the volume's size: 1 MiB up to 1 TiB, 2 MiB up to 4 TiB, 4 MiB above. The list of chunks costs 67
    /// bytes each in a tree that restic holds in memory: hence the steps (see src/FORMAT.md).
    /// </summary>
    public static int DefaultSizeBytes(long volumeBytes) =>
        volumeBytes <= 1L << 40 ? 1 << 20 : volumeBytes <= 4L << 40 ? 2 << 20 : 4 << 20;
}
