using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;

namespace ImageBackup.Tests.Vm;

/// <summary>
/// Writes the first root file system of a Linux kernel. Layout: the kernel's
/// Documentation/driver-api/early-userspace/buffer-format.rst, the "newc" form.
/// </summary>
internal sealed class Initramfs
{
    private const int FileMode = 0x81ED; // 0100755
    private const int DirectoryMode = 0x41ED; // 040755
    private readonly MemoryStream _archive = new();
    private readonly HashSet<string> _directories = [];
    private int _inode = 1;

    public void AddFile(string path, byte[] content)
    {
        for (int slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
            AddDirectory(path[..slash]);
        Add(path, FileMode, content);
    }

    public void AddDirectory(string path)
    {
        if (_directories.Add(path))
            Add(path, DirectoryMode, []);
    }

    public void Save(string path)
    {
        Add("TRAILER!!!", 0, []);
        File.WriteAllBytes(path, _archive.ToArray());
    }

    private void Add(string name, int mode, byte[] content)
    {
        byte[] nameBytes = Encoding.UTF8.GetBytes(name + "\0");
        var header = new StringBuilder("070701");
        foreach (int field in new[] { _inode++, mode, 0, 0, 1, 0, content.Length, 0, 0, 0, 0, nameBytes.Length, 0 })
            header.Append(field.ToString("x8", CultureInfo.InvariantCulture));
        _archive.Write(Encoding.ASCII.GetBytes(header.ToString()));
        _archive.Write(nameBytes);
        Pad();
        _archive.Write(content);
        Pad();
    }

    private void Pad()
    {
        while (_archive.Length % 4 != 0)
            _archive.WriteByte(0);
    }
}
