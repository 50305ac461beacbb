using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Images;

/// <summary>Holds a map against its contract, against partclone's, and against reality.</summary>
internal static class MapCheck
{
    /// <summary>Sorted, disjoint, not adjacent, inside the volume, adding up.</summary>
    public static void IsWellFormed(UsedRangeMap map, long volumeLengthBytes)
    {
        long end = -1;
        long sum = 0;
        foreach (ByteRange range in map.Ranges)
        {
            Assert.True(range.OffsetBytes > end, $"{range} follows an end at {end}");
            Assert.True(range.LengthBytes > 0);
            end = range.EndBytes;
            sum += range.LengthBytes;
        }
        Assert.True(end <= volumeLengthBytes);
        Assert.Equal(map.UsedBytes, sum);
    }

    /// <summary>The used ranges of partclone's domain map, joined if they touch.</summary>
    public static List<ByteRange> PartcloneRanges(string partclone, ImageFile image)
    {
        string mapPath = image.Path + ".domain";
        string logPath = image.Path + ".log";
        try
        {
            Tool.Run(partclone, "-D", "-F", "-s", image.Path, "-o", mapPath, "-L", logPath);
            var ranges = new List<ByteRange>();
            foreach (string line in File.ReadLines(mapPath))
            {
                string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length != 3 || fields[2] != "+" || !fields[0].StartsWith("0x", StringComparison.Ordinal))
                    continue;
                var range = new ByteRange(Hex(fields[0]), Hex(fields[1]));
                if (ranges.Count > 0 && ranges[^1].EndBytes == range.OffsetBytes)
                    ranges[^1] = new ByteRange(ranges[^1].OffsetBytes, ranges[^1].LengthBytes + range.LengthBytes);
                else
                    ranges.Add(range);
            }
            Assert.NotEmpty(ranges);
            return ranges;
        }
        finally
        {
            File.Delete(mapPath);
            File.Delete(logPath);
        }
    }

    /// <summary>What is used in <paramref name="left"/> but not in <paramref name="right"/>; both sorted and disjoint.</summary>
    public static List<ByteRange> Subtract(IEnumerable<ByteRange> left, IReadOnlyList<ByteRange> right)
    {
        var rest = new List<ByteRange>();
        int index = 0;
        foreach (ByteRange range in left)
        {
            long position = range.OffsetBytes;
            while (index < right.Count && right[index].EndBytes <= position)
                index++;
            for (int i = index; i < right.Count && right[i].OffsetBytes < range.EndBytes; i++)
            {
                if (right[i].OffsetBytes > position)
                    rest.Add(new ByteRange(position, right[i].OffsetBytes - position));
                position = Math.Max(position, right[i].EndBytes);
            }
            if (position < range.EndBytes)
                rest.Add(new ByteRange(position, range.EndBytes - position));
        }
        return rest;
    }

    /// <summary>Overwrites everything that the map calls free with noise. Returns how many bytes that were.</summary>
    public static long OverwriteFree(ImageFile image, UsedRangeMap map)
    {
        var noise = new byte[1 << 20];
        new Random(4711).NextBytes(noise);
        long total = 0;
        foreach (ByteRange free in Subtract([new ByteRange(0, image.LengthBytes)], map.Ranges.ToList()))
        {
            for (long offset = free.OffsetBytes; offset < free.EndBytes; offset += noise.Length)
                image.Write(offset, noise.AsSpan(0, (int)Math.Min(noise.Length, free.EndBytes - offset)));
            total += free.LengthBytes;
        }
        return total;
    }

    private static long Hex(string text) => long.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
