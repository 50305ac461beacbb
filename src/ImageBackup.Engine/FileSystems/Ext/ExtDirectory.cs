using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>
/// The names in a directory (kernel documentation, ext4 "Directory Entries"). A hash tree's own blocks look like empty ones on purpose, so
/// that each form is read as a list.
/// </summary>
internal static class ExtDirectory
{
    private const int EntryHeaderBytes = 8;

    /// <summary>Names with their inodes' numbers, without "." and "..".</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public static IEnumerable<(string Name, uint Inode)> Read(ExtVolume volume, ExtInode directory, CancellationToken cancellation)
    {
        if (directory.HasInlineData)
        {
            // The parent's number comes first.
            foreach ((string, uint) entry in ReadArea(directory.Map.Slice(4).ToArray(), directory.Number))
                yield return entry;
            foreach ((string, uint) entry in ReadArea(ExtAttributes.InlineRest(volume, directory) ?? [], directory.Number))
                yield return entry;
            yield break;
        }
        ExtBlockMap map = ExtBlockMap.Of(volume, directory);
        var entries = new List<(string, uint)>();
        long blockCount = directory.SizeBytes / volume.BlockSizeBytes, read = 0;
        for (long block = 0; block < blockCount && map.Find(block) is { } run; block = run.End)
        {
            for (long i = 0; i < run.Count && run.FileBlock + i < blockCount && !run.IsUnwritten; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                if (++read > volume.Superblock.BlockCount)
                    throw new FileSystemFormatException($"ext: directory {directory.Number} is larger than the file system");
                entries.Clear();
                ReadArea(volume.Block(run.VolumeBlock + i), directory.Number, entries);
                foreach ((string, uint) entry in entries)
                    yield return entry;
            }
        }
    }

    private static List<(string Name, uint Inode)> ReadArea(byte[] area, uint directory)
    {
        var entries = new List<(string, uint)>();
        ReadArea(area, directory, entries);
        return entries;
    }

    private static void ReadArea(byte[] area, uint directory, List<(string Name, uint Inode)> entries)
    {
        for (int at = 0; at <= area.Length - EntryHeaderBytes;)
        {
            uint inode = LittleEndian.UInt32(area, at);
            int length = LittleEndian.UInt16(area, at + 4), nameLength = LittleEndian.UInt8(area, at + 6);
            // Blocks of 64 KiB and one entry: 16 bits cannot say it.
            if (length is 0 or 65535 && area.Length == 65536)
                length = area.Length - at;
            if (length < EntryHeaderBytes || length % 4 != 0 || length > area.Length - at || nameLength > length - EntryHeaderBytes)
                throw new FileSystemFormatException($"ext: directory {directory} is damaged");
            if (inode != 0 && nameLength > 0)
            {
                ReadOnlySpan<byte> name = area.AsSpan(at + EntryHeaderBytes, nameLength);
                bool isDots = name[0] == '.' && (nameLength == 1 || nameLength == 2 && name[1] == '.');
                if (!isDots)
                    entries.Add((UnixFileName.Decode(name), inode));
            }
            at += length;
        }
    }
}
