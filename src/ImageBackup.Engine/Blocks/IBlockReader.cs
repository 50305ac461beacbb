using System;

namespace ImageBackup.Engine.Blocks;

/// <summary>
/// The bytes of something that has a fixed length: a volume, a snapshot of one, an image file, a test double.
/// The bottom vocabulary of the engine: volumes produce one, file systems and chunks consume one.
/// </summary>
/// <remarks>
/// Contract: <see cref="ReadAt"/> may be called from any thread, at any offset and length (the implementation
/// does what alignment a device asks for). A read error is a <see cref="BlockReadException"/>; it is not
/// retried by the caller unless a read-error policy says so. Nothing is cached between calls.
/// </remarks>
internal interface IBlockReader : IDisposable
{
    /// <summary>Length in bytes; does not change while the reader is open.</summary>
    long LengthBytes { get; }

    /// <summary>Logical sector size in bytes: a power of two from 512 up. 512 if there is no device.</summary>
    int SectorSizeBytes { get; }

    /// <summary>
    /// Fills the buffer from <paramref name="offsetBytes"/>. Returns the number of bytes read: the buffer's
    /// length, or less only at the volume's end.
    /// </summary>
    /// <exception cref="BlockReadException">The device could not be read there.</exception>
    int ReadAt(long offsetBytes, Span<byte> buffer);
}
