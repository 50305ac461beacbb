using System;
using System.Buffers.Binary;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>XXH64 with seed 0, by its published specification (xxHash fast digest algorithm, XXH64).</summary>
internal static class XxHash64
{
    private const ulong Prime1 = 0x9E3779B185EBCA87;
    private const ulong Prime2 = 0xC2B2AE3D27D4EB4F;
    private const ulong Prime3 = 0x165667B19E3779F9;
    private const ulong Prime4 = 0x85EBCA77C2B2AE63;
    private const ulong Prime5 = 0x27D4EB2F165667C5;

    public static ulong Compute(ReadOnlySpan<byte> bytes)
    {
        unchecked
        {
            ulong length = (ulong)bytes.Length;
            ulong hash = Prime5;
            if (bytes.Length >= 32)
            {
                ulong lane1 = Prime1 + Prime2;
                ulong lane2 = Prime2;
                ulong lane3 = 0;
                ulong lane4 = 0 - Prime1;
                do
                {
                    lane1 = Round(lane1, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
                    lane2 = Round(lane2, BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(8)));
                    lane3 = Round(lane3, BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(16)));
                    lane4 = Round(lane4, BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(24)));
                    bytes = bytes.Slice(32);
                }
                while (bytes.Length >= 32);
                hash = RotateLeft(lane1, 1) + RotateLeft(lane2, 7) + RotateLeft(lane3, 12) + RotateLeft(lane4, 18);
                hash = Merge(Merge(Merge(Merge(hash, lane1), lane2), lane3), lane4);
            }
            hash += length;
            for (; bytes.Length >= 8; bytes = bytes.Slice(8))
                hash = RotateLeft(hash ^ Round(0, BinaryPrimitives.ReadUInt64LittleEndian(bytes)), 27) * Prime1 + Prime4;
            if (bytes.Length >= 4)
            {
                hash = RotateLeft(hash ^ BinaryPrimitives.ReadUInt32LittleEndian(bytes) * Prime1, 23) * Prime2 + Prime3;
                bytes = bytes.Slice(4);
            }
            foreach (byte value in bytes)
                hash = RotateLeft(hash ^ value * Prime5, 11) * Prime1;
            hash = (hash ^ (hash >> 33)) * Prime2;
            hash = (hash ^ (hash >> 29)) * Prime3;
            return hash ^ (hash >> 32);
        }
    }

    private static ulong Round(ulong lane, ulong input) => unchecked(RotateLeft(lane + input * Prime2, 31) * Prime1);

    private static ulong Merge(ulong hash, ulong lane) => unchecked((hash ^ Round(0, lane)) * Prime1 + Prime4);

    private static ulong RotateLeft(ulong value, int bits) => (value << bits) | (value >> (64 - bits));
}
