using System;
using System.Collections.Generic;
using System.IO;
using System.Security.Cryptography;

namespace ImageBackup.Tests.Interop.FileSystems.Images;

/// <summary>Fills a mounted file system, frays it, and takes the hashes of what is there.</summary>
internal static class FileTree
{
    /// <summary>
    /// Files from a byte to some hundred KiB in a few directories, until about the given bytes are written; then
    /// every third is deleted, and larger ones go into the holes.
    /// </summary>
    public static void Fill(string root, int seed, long bytes)
    {
        var random = new Random(seed);
        var paths = new List<string>();
        long written = 0;
        for (int i = 0; written < bytes; i++)
        {
            string directory = Path.Combine(root, $"directory {i % 7}");
            Directory.CreateDirectory(directory);
            string path = Path.Combine(directory, $"file {i} with a name that is not short.bin");
            int length = random.Next(6) switch { 0 => random.Next(1, 600), 1 => random.Next(1, 300_000), _ => random.Next(1, 40_000) };
            if (!TryWrite(path, random, length))
                break;
            paths.Add(path);
            written += length;
        }
        for (int i = 0; i < paths.Count; i += 3)
            File.Delete(paths[i]);
        for (int i = 0; i < 4; i++)
            TryWrite(Path.Combine(root, $"frayed {i}.bin"), random, (int)Math.Min(bytes / 16, 1 << 20));
    }

    /// <summary>Relative path to SHA-256 of every file.</summary>
    public static SortedDictionary<string, string> Hash(string root)
    {
        var hashes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string path in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
        {
            using FileStream file = File.OpenRead(path);
            hashes.Add(Path.GetRelativePath(root, path), Convert.ToHexString(SHA256.HashData(file)));
        }
        return hashes;
    }

    private static bool TryWrite(string path, Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        try
        {
            File.WriteAllBytes(path, bytes);
            return true;
        }
        catch (IOException)
        {
            // The volume is full: that is as good a state as any other.
            File.Delete(path);
            return false;
        }
    }
}
