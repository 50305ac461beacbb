using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>A small file system from tests/Fixtures/FileSystems.</summary>
internal static class SeedImage
{
    private const string Ending = ".img.gz";
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Fixtures", "FileSystems");

    /// <summary>Those whose names begin so.</summary>
    public static IEnumerable<string> Names(string prefix) =>
        Directory.EnumerateFiles(Folder, prefix + "*" + Ending)
            .Select(static path => Path.GetFileName(path)[..^Ending.Length])
            .Order(StringComparer.Ordinal);

    /// <param name="name">Without the ending.</param>
    public static byte[] Load(string name)
    {
        using FileStream file = File.OpenRead(Path.Combine(Folder, name + Ending));
        using var unpacked = new GZipStream(file, CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        unpacked.CopyTo(bytes);
        return bytes.ToArray();
    }
}
