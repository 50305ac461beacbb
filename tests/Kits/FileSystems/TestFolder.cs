using System;
using System.IO;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>A folder of its own for a test's images; gone afterwards.</summary>
internal sealed class TestFolder : IDisposable
{
    public TestFolder() => Directory.CreateDirectory(Path);

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), "imagebackup-fs-" + Guid.NewGuid().ToString("N"));

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>A file of holes.</summary>
    public string Sparse(string name, long lengthBytes)
    {
        using FileStream stream = System.IO.File.Create(File(name));
        stream.SetLength(lengthBytes);
        return stream.Name;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
