using System;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>A device's number.</summary>
internal readonly record struct DeviceNumber(uint Major, uint Minor)
{
    /// <summary>Not a device of its own: a file system without one, or one (btrfs) that hides it.</summary>
    public bool IsAnonymous => Major == 0;

    public override string ToString() => $"{Major}:{Minor}";

    public static DeviceNumber? Parse(string text)
    {
        int colon = text.IndexOf(':');
        return colon > 0
            && uint.TryParse(text.Substring(0, colon), out uint major)
            && uint.TryParse(text.Substring(colon + 1).TrimEnd(), out uint minor)
                ? new DeviceNumber(major, minor)
                : null;
    }
}

/// <summary>What statx(2) says of a file. Layout: linux/stat.h, struct statx.</summary>
internal readonly record struct FileStatus(
    int Mode, long Inode, long SizeBytes, DeviceNumber Device, DeviceNumber NodeDevice, long? MountId)
{
    private const int StatusBytes = 256;
    private const uint BasicMask = 0x7FF;
    private const uint MountIdMask = 0x1000;
    private const int ModeOffset = 28;
    private const int InodeOffset = 32;
    private const int SizeOffset = 40;
    private const int NodeMajorOffset = 128;
    private const int DeviceMajorOffset = 136;
    private const int MountIdOffset = 144;

    public bool IsBlockDevice => (Mode & 0xF000) == 0x6000;
    public bool IsRegularFile => (Mode & 0xF000) == 0x8000;
    public bool IsDirectory => (Mode & 0xF000) == 0x4000;

    public bool IsSameFile(FileStatus other) => Inode == other.Inode && Device == other.Device;

    /// <summary>Follows symbolic links. Null if the call failed; the error number says why.</summary>
    public static unsafe FileStatus? OfPath(string path, out int errno)
    {
        using PendingCall call = PendingCalls.Enter(path);
        byte* buffer = stackalloc byte[StatusBytes];
        int result = Libc.statx(Libc.AT_FDCWD, LinuxPath.ToNative(path), 0, BasicMask | MountIdMask, buffer);
        errno = result == 0 ? 0 : Marshal.GetLastWin32Error();
        return result == 0 ? Parse(new ReadOnlySpan<byte>(buffer, StatusBytes)) : null;
    }

    public static FileStatus? OfPath(string path) => OfPath(path, out _);

    public static unsafe FileStatus? OfDescriptor(FileDescriptor descriptor, out int errno)
    {
        byte* buffer = stackalloc byte[StatusBytes];
        int result = Libc.statx(descriptor, [0], Libc.AT_EMPTY_PATH, BasicMask | MountIdMask, buffer);
        errno = result == 0 ? 0 : Marshal.GetLastWin32Error();
        return result == 0 ? Parse(new ReadOnlySpan<byte>(buffer, StatusBytes)) : null;
    }

    private static FileStatus Parse(ReadOnlySpan<byte> status) => new(
        MemoryMarshal.Read<ushort>(status.Slice(ModeOffset)),
        MemoryMarshal.Read<long>(status.Slice(InodeOffset)),
        MemoryMarshal.Read<long>(status.Slice(SizeOffset)),
        ReadDevice(status, DeviceMajorOffset),
        ReadDevice(status, NodeMajorOffset),
        (MemoryMarshal.Read<uint>(status) & MountIdMask) != 0 ? MemoryMarshal.Read<long>(status.Slice(MountIdOffset)) : null);

    private static DeviceNumber ReadDevice(ReadOnlySpan<byte> status, int offset) =>
        new(MemoryMarshal.Read<uint>(status.Slice(offset)), MemoryMarshal.Read<uint>(status.Slice(offset + sizeof(uint))));
}
