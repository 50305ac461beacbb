using System;
using System.Buffers.Binary;

namespace ImageBackup.Engine.Cryptography;

/// <summary>The 128-bit big-endian counter of counter mode (NIST SP 800-38A, B.1: the whole block is incremented).</summary>
internal struct BlockCounter
{
    public ulong High;
    public ulong Low;

    /// <param name="iv">16 bytes: the first block's counter.</param>
    public BlockCounter(ReadOnlySpan<byte> iv)
    {
        High = BinaryPrimitives.ReadUInt64BigEndian(iv);
        Low = BinaryPrimitives.ReadUInt64BigEndian(iv.Slice(8));
    }

    public void Add(uint blockCount)
    {
        Low += blockCount;
        if (Low < blockCount)
            High++;
    }
}
