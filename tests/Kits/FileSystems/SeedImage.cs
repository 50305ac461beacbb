using System.IO;
using System.IO.Compression;
using Xunit;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>A small file system from tests/Fixtures/FileSystems.</summary>
public static class SeedImage
{
    /// <param name="name">Without the ending.</param>
    public static byte[] Load(string name)
    {
        string? folder = Path.GetDirectoryName(typeof(SeedImage).Assembly.Location);
        while (folder is not null && !Directory.Exists(Path.Combine(folder, "tests", "Fixtures", "FileSystems")))
            folder = Path.GetDirectoryName(folder);
        Assert.SkipWhen(folder is null, "the source tree with tests/Fixtures is not around the tests");
        using FileStream file = File.OpenRead(Path.Combine(folder!, "tests", "Fixtures", "FileSystems", name + ".img.gz"));
        using var unpacked = new GZipStream(file, CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        unpacked.CopyTo(bytes);
        return bytes.ToArray();
    }
}
