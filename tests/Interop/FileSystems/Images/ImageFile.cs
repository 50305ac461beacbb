using System;
using System.IO;
using ImageBackup.Engine.Blocks;
using ImageBackup.Tests.Kits.FileSystems;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Tests.Interop.FileSystems.Images;

/// <summary>A volume in a sparse temporary file, gone with the test.</summary>
internal sealed class ImageFile : IBlockReader
{
    private SafeFileHandle? _handle;

    private ImageFile(string path) => Path = path;

    public string Path { get; }
    public long LengthBytes => new FileInfo(Path).Length;
    public int SectorSizeBytes { get; init; } = 512;

    /// <summary>How many bytes were read through it.</summary>
    public long ReadBytes { get; private set; }

    public static ImageFile Create(long lengthBytes)
    {
        string path = NewPath();
        using (FileStream file = File.Create(path))
            file.SetLength(lengthBytes);
        return new ImageFile(path);
    }

    public ImageFile Copy()
    {
        string path = NewPath();
        Tool.Run("cp", "--sparse=always", Path, path);
        return new ImageFile(path) { SectorSizeBytes = SectorSizeBytes };
    }

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        _handle ??= File.OpenHandle(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        int total = 0;
        while (total < buffer.Length)
        {
            int read = RandomAccess.Read(_handle, buffer[total..], offsetBytes + total);
            if (read == 0)
                break;
            total += read;
        }
        ReadBytes += total;
        return total;
    }

    public byte[] Read(long offsetBytes, int lengthBytes)
    {
        var bytes = new byte[lengthBytes];
        int read = ReadAt(offsetBytes, bytes);
        return read == lengthBytes ? bytes : throw new EndOfStreamException();
    }

    public void Write(long offsetBytes, ReadOnlySpan<byte> bytes)
    {
        using SafeFileHandle handle = File.OpenHandle(Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(handle, bytes, offsetBytes);
    }

    public void SetLength(long lengthBytes)
    {
        using FileStream file = File.Open(Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(lengthBytes);
    }

    public void Dispose()
    {
        _handle?.Dispose();
        File.Delete(Path);
    }

    private static string NewPath() =>
        System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"imagebackup-{Guid.NewGuid():N}.img");
}
