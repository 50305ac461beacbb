using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>What every used-range map has to stand: shape, a peer's map, and noise in all that it calls free.</summary>
internal static class UsedRangeProof
{
    /// <summary>Reads the map through the catalog, as a job does, and checks its shape.</summary>
    /// <param name="imagePath">An image or a device.</param>
    /// <param name="isFlushed">The volume is mounted and has just been flushed.</param>
    public static UsedRangeMap Read(string imagePath, bool isFlushed = false)
    {
        using var volume = new ImageFileReader(imagePath);
        (IFileSystemReader reader, _) = FileSystemCatalog.Probe(volume) ?? throw new InvalidOperationException("not recognised");
        UsedRangeMap map = isFlushed
            ? Assert.IsAssignableFrom<IFlushAwareReader>(reader).ReadUsedRanges(volume, isFlushed, TestContext.Current.CancellationToken)
            : reader.ReadUsedRanges(volume, TestContext.Current.CancellationToken);
        AssertShape(map, volume.LengthBytes);
        return map;
    }

    public static FileSystemDescription Probe(string imagePath)
    {
        using var volume = new ImageFileReader(imagePath);
        return (FileSystemCatalog.Probe(volume) ?? throw new InvalidOperationException("not recognised")).Description;
    }

    public static void AssertShape(UsedRangeMap map, long volumeLengthBytes)
    {
        long previousEnd = -1;
        long sum = 0;
        foreach (ByteRange range in map.Ranges)
        {
            Assert.True(range.OffsetBytes >= 0 && range.LengthBytes > 0, $"{range} is empty");
            Assert.True(range.OffsetBytes > previousEnd, $"{range} follows the end {previousEnd}");
            Assert.True(range.EndBytes <= volumeLengthBytes && range.EndBytes > 0, $"{range} leaves the volume");
            previousEnd = range.EndBytes;
            sum += range.LengthBytes;
        }
        Assert.Equal(sum, map.UsedBytes);
    }

    /// <summary>Writes random bytes over everything that the map calls free.</summary>
    public static void FillFreeWithNoise(string imagePath, UsedRangeMap map)
    {
        using FileStream stream = File.Open(imagePath, FileMode.Open, FileAccess.ReadWrite);
        var noise = new byte[1 << 20];
        new Random(42).NextBytes(noise);
        long position = 0;
        foreach (ByteRange range in map.Ranges)
        {
            Fill(stream, position, range.OffsetBytes, noise);
            position = range.EndBytes;
        }
        Fill(stream, position, stream.Length, noise);
    }

    /// <summary>The used ranges of a domain map that partclone wrote with -D.</summary>
    public static List<ByteRange> ReadPartcloneMap(string path)
    {
        var used = new List<ByteRange>();
        foreach (string line in File.ReadLines(path))
        {
            string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 3 && parts[2] == "+" && parts[0].StartsWith("0x", StringComparison.Ordinal))
                used.Add(new ByteRange(Hex(parts[0]), Hex(parts[1])));
        }
        return used;
    }

    /// <summary>Bytes that <paramref name="inner"/> has and the map has not; 0 if it is a superset.</summary>
    public static long MissingBytes(IReadOnlyList<ByteRange> inner, UsedRangeMap map)
    {
        long missing = 0;
        int at = 0;
        foreach (ByteRange range in inner)
        {
            long position = range.OffsetBytes;
            while (at < map.Ranges.Count && map.Ranges[at].EndBytes <= position)
                at++;
            for (int i = at; i < map.Ranges.Count && map.Ranges[i].OffsetBytes < range.EndBytes; i++)
            {
                missing += Math.Max(0, map.Ranges[i].OffsetBytes - position);
                position = Math.Max(position, map.Ranges[i].EndBytes);
            }
            missing += Math.Max(0, range.EndBytes - position);
        }
        return missing;
    }

    private static void Fill(FileStream stream, long start, long end, byte[] noise)
    {
        stream.Position = start;
        while (stream.Position < end)
            stream.Write(noise, 0, (int)Math.Min(noise.Length, end - stream.Position));
    }

    private static long Hex(string text) => long.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
