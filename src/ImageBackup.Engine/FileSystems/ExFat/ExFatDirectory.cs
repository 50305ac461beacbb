using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.ExFat;

/// <summary>Something in a directory that owns clusters.</summary>
internal readonly record struct ExFatAllocation(byte EntryType, byte Flags, uint FirstCluster, ulong LengthBytes, bool IsContiguous, bool IsDirectory);

/// <summary>What a directory holds, as far as the map of used clusters needs it (sections 6 and 7).</summary>
internal sealed class ExFatDirectory
{
    public const byte BitmapEntry = 0x81;
    private const byte UpcaseEntry = 0x82;
    private const byte LabelEntry = 0x83;
    private const byte FileEntry = 0x85;
    private const byte NameEntry = 0xC1;
    private const byte InUseFlag = 0x80;
    private const byte SecondaryFlag = 0x40;
    private const int EntryBytes = 32;
    private const int BatchBytes = 1 << 20;
    private const int DirectoryAttribute = 0x10;

    /// <summary>So many at most are collected: more is for nobody to hold in memory.</summary>
    public const int MaxAllocationCount = 1_000_000;

    public List<ExFatAllocation> Allocations { get; } = [];
    public string? Label { get; private set; }

    /// <summary>A directory's length is limited (section 6.3.5).</summary>
    public const int MaxLengthBytes = 256 << 20;

    /// <exception cref="FileSystemFormatException">Entries that make no sense.</exception>
    public static ExFatDirectory Read(IBlockReader volume, ExFatBootSector geometry, List<ExFatRun> runs, CancellationToken cancellation)
    {
        var directory = new ExFatDirectory();
        byte[]? batch = null;
        bool isDirectory = false;
        foreach (ExFatRun run in runs)
        {
            long offset = geometry.ClusterOffsetBytes(run.FirstCluster);
            long end = offset + (long)run.ClusterCount * geometry.ClusterSizeBytes;
            while (offset < end)
            {
                cancellation.ThrowIfCancellationRequested();
                int length = (int)Math.Min(BatchBytes, end - offset);
                if (batch is null || batch.Length < length)
                    batch = new byte[length];
                volume.ReadExact(offset, batch.AsSpan(0, length));
                if (!directory.Take(batch.AsSpan(0, length), ref isDirectory))
                    return directory;
                offset += length;
            }
        }
        return directory;
    }

    // False at the mark after the last entry. The kind of a file is in its first entry, its clusters in the next.
    private bool Take(ReadOnlySpan<byte> bytes, ref bool isDirectory)
    {
        for (; bytes.Length >= EntryBytes; bytes = bytes.Slice(EntryBytes))
        {
            byte type = bytes[0];
            if (type == 0 || Allocations.Count > MaxAllocationCount)
                return false;
            if ((type & InUseFlag) == 0)
                continue;
            if ((type & SecondaryFlag) == 0)
                isDirectory = type == FileEntry && (LittleEndian.UInt16(bytes, 4) & DirectoryAttribute) != 0;
            TakeEntry(bytes.Slice(0, EntryBytes), type, isDirectory);
        }
        return true;
    }

    private void TakeEntry(ReadOnlySpan<byte> entry, byte type, bool isDirectory)
    {
        const int AllocationPossible = 1;
        const int NoFatChain = 2;
        byte flags = entry[1];
        uint first = LittleEndian.UInt32(entry, 20);
        ulong length = LittleEndian.UInt64(entry, 24);
        switch (type)
        {
            case LabelEntry:
                Label = flags <= 11 ? VolumeStructures.Utf16Label(entry.Slice(2, flags * 2)) : null;
                break;
            case BitmapEntry or UpcaseEntry:
                Allocations.Add(new ExFatAllocation(type, flags, first, length, IsContiguous: false, IsDirectory: false));
                break;
            case NameEntry or FileEntry:
                break;
            case var _ when (type & SecondaryFlag) != 0:
                if ((flags & AllocationPossible) != 0 && first != 0)
                    Allocations.Add(new ExFatAllocation(type, flags, first, length, (flags & NoFatChain) != 0, isDirectory && type == 0xC0));
                break;
            default:
                // A primary entry: a volume GUID and padding own nothing; an unknown critical one makes the volume unknown.
                if ((type & 0x20) == 0)
                    throw new FileSystemFormatException($"exFAT: the directory entry type 0x{type:X2} is unknown");
                break;
        }
    }
}
