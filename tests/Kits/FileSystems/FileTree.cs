using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>Real files in a mounted volume: written, deleted, fragmented, and hashed.</summary>
internal static class FileTree
{
    /// <summary>
    /// Fills about <paramref name="totalBytes"/> with files of many sizes in several folders, appends to some by
    /// turns (fragments), deletes every third and writes again into the holes.
    /// </summary>
    public static void Churn(string root, long totalBytes, int seed)
    {
        var random = new Random(seed);
        var paths = new List<string>();
        long written = 0;
        for (int i = 0; written < totalBytes; i++)
        {
            string folder = Path.Combine(root, $"d{seed}-{i % 7}");
            Directory.CreateDirectory(folder);
            string path = Path.Combine(folder, $"f{i}");
            int length = random.Next(6) switch
            {
                0 => random.Next(0, 200),
                1 or 2 => random.Next(1, 9000),
                3 or 4 => random.Next(4096, 200_000),
                _ => random.Next(100_000, 2_000_000),
            };
            Write(path, length, random, FileMode.Create);
            written += length;
            paths.Add(path);
        }
        for (int i = 0; i < paths.Count; i += 3)
            File.Delete(paths[i]);
        // Appending by turns interleaves the extents.
        for (int round = 0; round < 4; round++)
        {
            for (int i = 1; i < Math.Min(paths.Count, 60); i += 3)
                Write(paths[i], random.Next(1, 20_000), random, FileMode.Append);
        }
        Tool.Run("sync", "-f", root);
    }

    /// <summary>Writes files and brings each to stable storage by itself (fsync), the file system not being synced.</summary>
    public static void WriteDurably(string root, int count, int lengthBytes, int seed)
    {
        var random = new Random(seed);
        var bytes = new byte[lengthBytes];
        for (int i = 0; i < count; i++)
        {
            random.NextBytes(bytes);
            using FileStream stream = File.Create(Path.Combine(root, $"durable{seed}-{i}"));
            stream.Write(bytes);
            stream.Flush(flushToDisk: true);
        }
    }

    /// <summary>Every regular file below, by its relative path, with the SHA-256 of its content.</summary>
    public static SortedDictionary<string, string> Hash(string root)
    {
        var hashes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
        {
            using FileStream stream = File.OpenRead(path);
            hashes.Add(Path.GetRelativePath(root, path), Convert.ToHexString(SHA256.HashData(stream)));
        }
        return hashes;
    }

    /// <summary>Where on the device the kernel says the files' content lies (FIEMAP), sorted.</summary>
    public static List<ByteRange> Extents(string root)
    {
        const string pattern = @"^\s*\d+:\s+\d+\.\.\s*\d+:\s+(\d+)\.\.\s*(\d+):";
        string listing = Tool.Shell($"find '{root}' -type f -print0 | xargs -0 filefrag -v -b1");
        var extents = new List<ByteRange>();
        foreach (Match match in Regex.Matches(listing, pattern, RegexOptions.Multiline))
        {
            // Inline content is reported at offset 0 and is part of the metadata.
            long start = long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
            if (start > 0)
                extents.Add(new ByteRange(start, long.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) + 1 - start));
        }
        extents.Sort((a, b) => a.OffsetBytes.CompareTo(b.OffsetBytes));
        return extents;
    }

    private static void Write(string path, int length, Random random, FileMode mode)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        using var stream = new FileStream(path, mode, FileAccess.Write);
        stream.Write(bytes);
    }
}
