using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

/// <summary>
/// A volume that is locked and dismounted: its file system has written everything and let go of it, and nobody can mount it
/// until it is unlocked. The next use mounts it again. The lock is the handle's: it goes with the process too.
/// </summary>
internal sealed class QuiescedVolume : IQuiescedVolume
{
    private readonly object _gate = new();
    private readonly IVolumeControl _volume;
    private IBlockReader? _reader;
    private bool _isReleased;

    private QuiescedVolume(IVolumeControl volume, string name)
    {
        _volume = volume;
        Disruption = $"'{name}' is locked and dismounted until it is copied: programs that open its files meanwhile get an error.";
    }

    public IBlockReader Reader => _reader ?? throw new InvalidOperationException("Nothing reads the volume yet.");

    public string How => "locked and dismounted";

    public string? Disruption { get; }

    /// <summary>Locks, then dismounts. The handle stays the caller's until <see cref="Reads"/>.</summary>
    /// <param name="volume">The open volume.</param>
    /// <param name="name">For messages.</param>
    /// <param name="users">Who has files of it open, if that can be told; asked only if the lock is refused.</param>
    /// <exception cref="ImageBackupException">VolumeInUse.</exception>
    public static QuiescedVolume Take(IVolumeControl volume, string name, Func<IReadOnlyList<string>> users)
    {
        if (!Control(volume, Kernel32.FSCTL_LOCK_VOLUME, out _))
            throw InUse(ErrorId.VolumeInUse, name, users());
        var taken = new QuiescedVolume(volume, name);
        // A file system that is still mounted keeps its log open on the disk: the image would show it as not cleanly left.
        if (!Control(volume, Kernel32.FSCTL_DISMOUNT_VOLUME, out int error))
        {
            taken.Unlock();
            throw new ImageBackupException(ErrorId.VolumeInUse, $"'{name}' could not be dismounted: {WindowsError.Describe(error)}.", name);
        }
        // Lets the sectors behind the file system's end be read: NTFS keeps its spare boot sector there.
        Control(volume, Kernel32.FSCTL_ALLOW_EXTENDED_DASD_IO, out _);
        return taken;
    }

    /// <summary>Its reader; it owns the handle, and is disposed with this.</summary>
    public void Reads(IBlockReader reader) => _reader = reader;

    /// <summary>The lock cannot be taken from its handle.</summary>
    public string? Disturbance() => null;

    public IReadOnlyList<string> Release()
    {
        lock (_gate)
        {
            if (_isReleased)
                return [];
            _isReleased = true;
            Unlock();
            _reader?.Dispose();
            return [];
        }
    }

    public void Dispose() => Release();

    internal static ImageBackupException InUse(ErrorId id, string name, IReadOnlyList<string> users) => new(id, users.Count == 0
        ? $"'{name}' could not be locked: another program has files of it open."
        : $"'{name}' could not be locked: files of it are open in {string.Join(", ", users.Take(10))}.", name);

    private void Unlock()
    {
        try
        {
            Control(_volume, Kernel32.FSCTL_UNLOCK_VOLUME, out _);
        }
        catch (ObjectDisposedException)
        {
            // The handle is closed, and the lock gone with it.
        }
    }

    private static bool Control(IVolumeControl volume, uint code, out int error) => volume.Control(code, default, default, out _, out error);
}
