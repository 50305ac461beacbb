using System;
using System.Collections.Generic;
using System.IO;

namespace ImageBackup.Tests.Interop.Volumes;

/// <summary>A directory of its own, with loop devices and mounts that are undone in reverse, whatever happens.</summary>
internal sealed class Rig : IDisposable
{
    private readonly Stack<Action> _undo = new();

    public Rig()
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("imagebackup-volumes-").FullName;
        _undo.Push(() => System.IO.Directory.Delete(Directory, recursive: true));
    }

    public string Directory { get; }

    public string Path(string name) => System.IO.Path.Combine(Directory, name);

    /// <summary>A sparse file of the length.</summary>
    public string File(string name, long lengthBytes)
    {
        using FileStream file = System.IO.File.Create(Path(name));
        file.SetLength(lengthBytes);
        return file.Name;
    }

    public string Loop(string file, params string[] options)
    {
        string device = Tool.Run("losetup", [.. options, "--find", "--show", file]);
        // What a test sets on a loop device outlives the file behind it, and a killed run clears nothing away.
        string queue = $"/sys/block/{System.IO.Path.GetFileName(device)}/queue/";
        if (ReadNumber(queue + "discard_max_bytes") != ReadNumber(queue + "discard_max_hw_bytes"))
        {
            Tool.Run("losetup", "-d", device);
            LoopControl.Renew(device);
            device = Tool.Run("losetup", [.. options, "--find", "--show", file]);
        }
        if (Array.IndexOf(options, "-r") < 0)
            Tool.TryRun("blockdev", "--setrw", device);
        _undo.Push(() => Tool.TryRun("losetup", "-d", device));
        return device;
    }

    private static string ReadNumber(string path) => System.IO.File.ReadAllText(path).Trim();

    /// <summary>A partition of a loop device (attached with -P), told to the kernel as a partition table would.</summary>
    public string Partition(string loop, int number, long startSector, long sectorCount)
    {
        Tool.Run("addpart", loop, $"{number}", $"{startSector}", $"{sectorCount}");
        _undo.Push(() => Tool.TryRun("delpart", loop, $"{number}"));
        return $"{loop}p{number}";
    }

    public string Mount(string name, params string[] arguments)
    {
        string point = System.IO.Directory.CreateDirectory(Path(name)).FullName;
        Tool.Run("mount", [.. arguments, point]);
        _undo.Push(() => Tool.TryRun("umount", "-l", point));
        return point;
    }

    public void Undo(Action action) => _undo.Push(action);

    public void Dispose()
    {
        while (_undo.TryPop(out Action? action))
        {
            try
            {
                action();
            }
            catch (IOException)
            {
                // The next step must still be undone.
            }
        }
    }
}
