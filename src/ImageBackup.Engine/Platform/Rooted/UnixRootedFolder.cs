using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Platform.Rooted;

/// <summary>A directory by its descriptor; every name in it is looked up there and no link is followed.</summary>
internal sealed class UnixRootedFolder : RootedFolder
{
    private readonly Func<string, byte[]> _encodeName;
    private readonly string _shown;
    private int _descriptor;

    private UnixRootedFolder(int descriptor, string shown, Func<string, byte[]> encodeName)
    {
        _descriptor = descriptor;
        _shown = shown;
        _encodeName = encodeName;
    }

    public static UnixRootedFolder OpenRoot(string path, Func<string, byte[]> encodeName)
    {
        int descriptor = UnixCalls.Retry(() => UnixCalls.open(UnixCalls.Native(path), UnixCalls.ReadOnly | UnixCalls.DirectoryOnly | UnixCalls.CloseOnExec, 0));
        return descriptor >= 0 ? new UnixRootedFolder(descriptor, path, encodeName) : throw UnixCalls.Failure(Marshal.GetLastWin32Error(), path);
    }

    public override RootedFolder OpenOrCreate(string name)
    {
        byte[] native = Native(name);
        const uint ownerOnly = 0x1C0;
        if (UnixCalls.mkdirat(_descriptor, native, ownerOnly) != 0 && Marshal.GetLastWin32Error() is var made && made != UnixCalls.Exists)
            throw UnixCalls.Failure(made, Shown(name));
        int descriptor = UnixCalls.Retry(() => UnixCalls.openat(
            _descriptor, native, UnixCalls.ReadOnly | UnixCalls.DirectoryOnly | UnixCalls.NoFollow | UnixCalls.CloseOnExec, 0));
        if (descriptor >= 0)
            return new UnixRootedFolder(descriptor, Shown(name), _encodeName);
        int error = Marshal.GetLastWin32Error();
        throw UnixCalls.TypeOf(_descriptor, native) == UnixCalls.LinkType ? new LinkInRepositoryException(Shown(name), null) : UnixCalls.Failure(error, Shown(name));
    }

    public override (bool Exists, bool IsDirectory) Find(string name)
    {
        int type = UnixCalls.TypeOf(_descriptor, Native(name));
        return (type != 0, type == UnixCalls.DirectoryType);
    }

    public override RootedFile Create(string name)
    {
        byte[] native = Native(name);
        int descriptor = UnixCalls.Retry(() => UnixCalls.openat(
            _descriptor, native, UnixCalls.WriteOnly | UnixCalls.CreateNew | UnixCalls.NoFollow | UnixCalls.CloseOnExec, FileModes.OwnerOnly));
        return descriptor >= 0 ? new NewFile(descriptor, Shown(name)) : throw UnixCalls.Failure(Marshal.GetLastWin32Error(), Shown(name));
    }

    public override void Delete(string name)
    {
        byte[] native = Native(name);
        if (UnixCalls.Retry(() => UnixCalls.unlinkat(_descriptor, native, 0)) != 0 && Marshal.GetLastWin32Error() is var error && error != UnixCalls.NotThere)
            throw UnixCalls.Failure(error, Shown(name));
    }

    public override void Replace(string temporary, string name)
    {
        if (UnixCalls.renameat(_descriptor, Native(temporary), _descriptor, Native(name)) != 0)
            throw UnixCalls.Failure(Marshal.GetLastWin32Error(), Shown(name));
    }

    public override RootedFile CreateStream(string name, string stream) =>
        throw new PlatformNotSupportedException($"'{Shown(name)}': files have no streams here.");

    public override void CreateHardLink(string name, RootedFolder directory, string secondName)
    {
        var target = (UnixRootedFolder)directory;
        if (UnixCalls.linkat(_descriptor, Native(name), target._descriptor, target.Native(secondName), 0) != 0)
            throw UnixCalls.Failure(Marshal.GetLastWin32Error(), target.Shown(secondName));
    }

    public override void CreateLink(string name, string target, RestoredMetadata metadata)
    {
        byte[] native = Native(name);
        if (UnixCalls.symlinkat(Terminated(_encodeName(target)), _descriptor, native) != 0)
            throw UnixCalls.Failure(Marshal.GetLastWin32Error(), Shown(name));
        if (metadata.Owner is { } owner)
            _ = UnixCalls.fchownat(_descriptor, native, owner.User, owner.Group, UnixCalls.NoFollowStatus);
        if (Times(metadata) is { } times)
            _ = UnixCalls.utimensat(_descriptor, native, times, UnixCalls.NoFollowStatus);
    }

    public override IReadOnlyList<string> Set(RestoredMetadata metadata) => Set(_descriptor, metadata);

    // The owner first: a change of it takes setuid away. Times last: all else changes them.
    private static List<string> Set(int descriptor, RestoredMetadata metadata)
    {
        var failures = new List<string>();
        void Check(int result, string what)
        {
            if (result != 0)
                failures.Add($"{what} could not be set ({new System.ComponentModel.Win32Exception(Marshal.GetLastWin32Error()).Message})");
        }
        if (metadata.Owner is { } owner)
            Check(UnixCalls.fchown(descriptor, owner.User, owner.Group), "the owner");
        if (metadata.Permissions is { } permissions)
            Check(UnixCalls.fchmod(descriptor, (uint)permissions), "the permissions");
        foreach ((string name, byte[] value) in metadata.ExtendedAttributes)
            Check(UnixCalls.fsetxattr(descriptor, UnixCalls.Native(name), value, (UIntPtr)value.Length, 0), $"the extended attribute {name}");
        if (Times(metadata) is { } times)
            Check(UnixCalls.futimens(descriptor, times), "the times");
        return failures;
    }

    private static IntPtr[]? Times(RestoredMetadata metadata)
    {
        // UTIME_OMIT.
        const int omit = 0x3FFFFFFE;
        if (metadata.Modified is null && metadata.Accessed is null)
            return null;
        (long Seconds, int Nanoseconds) accessed = metadata.Accessed ?? (0, omit), modified = metadata.Modified ?? (0, omit);
        return [Word(accessed.Seconds), Word(accessed.Nanoseconds), Word(modified.Seconds), Word(modified.Nanoseconds)];
    }

    private static IntPtr Word(long value) => IntPtr.Size == 8 ? new IntPtr(value) : new IntPtr((int)Math.Max(int.MinValue, Math.Min(int.MaxValue, value)));

    private byte[] Native(string name)
    {
        RequireName(name);
        return Terminated(_encodeName(name));
    }

    private static byte[] Terminated(byte[] bytes)
    {
        Array.Resize(ref bytes, bytes.Length + 1);
        return bytes;
    }

    private string Shown(string name) => Path.Combine(_shown, name);

    protected override void Dispose(bool disposing)
    {
        if (_descriptor >= 0)
            _ = UnixCalls.close(_descriptor);
        _descriptor = -1;
        base.Dispose(disposing);
    }

    private sealed class NewFile(int descriptor, string shown) : RootedFile
    {
        private int _descriptor = descriptor;

        public override void WriteAt(long offsetBytes, byte[] buffer, int countBytes)
        {
            for (int done = 0; done < countBytes;)
            {
                byte[] part = buffer;
                if (done > 0)
                {
                    part = new byte[countBytes - done];
                    Array.Copy(buffer, done, part, 0, part.Length);
                }
                long written = (long)UnixCalls.pwrite(_descriptor, part, (UIntPtr)(countBytes - done), offsetBytes + done);
                if (written <= 0 && Marshal.GetLastWin32Error() is var error && error != UnixCalls.Interrupted)
                    throw UnixCalls.Failure(error, shown);
                done += (int)Math.Max(0, written);
            }
        }

        public override void SetLength(long lengthBytes)
        {
            if (UnixCalls.ftruncate(_descriptor, lengthBytes) != 0)
                throw UnixCalls.Failure(Marshal.GetLastWin32Error(), shown);
        }

        public override IReadOnlyList<string> Set(RestoredMetadata metadata) => UnixRootedFolder.Set(_descriptor, metadata);

        protected override void Dispose(bool disposing)
        {
            if (_descriptor >= 0)
                _ = UnixCalls.close(_descriptor);
            _descriptor = -1;
            base.Dispose(disposing);
        }
    }
}
