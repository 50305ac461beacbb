using System;
using System.Globalization;
using System.IO;
using ImageBackup.Engine.Blocks;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>A plain file or a block device as a volume, for tests of the file-system layer alone.</summary>
internal sealed class ImageFileReader : IBlockReader
{
    private readonly SafeFileHandle _handle;

    public ImageFileReader(string path, int sectorSizeBytes = 512)
    {
        _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        LengthBytes = path.StartsWith("/dev/", StringComparison.Ordinal)
            ? long.Parse(Tool.Run("blockdev", "--getsize64", path), CultureInfo.InvariantCulture)
            : RandomAccess.GetLength(_handle);
        SectorSizeBytes = sectorSizeBytes;
    }

    public long LengthBytes { get; }
    public int SectorSizeBytes { get; }

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int done = 0;
        while (done < buffer.Length)
        {
            int count = RandomAccess.Read(_handle, buffer.Slice(done), offsetBytes + done);
            if (count == 0)
                break;
            done += count;
        }
        return done;
    }

    public void Dispose() => _handle.Dispose();
}
