using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Volumes.Windows.Native;

/// <summary>The Windows calls as they are (kernel32, and two of advapi32 and shell32).</summary>
internal static unsafe class Kernel32
{
    private const string Library = "kernel32.dll";

    public const uint GENERIC_READ = 0x80000000;
    public const uint GENERIC_WRITE = 0x40000000;
    public const uint FILE_SHARE_READ = 1;
    public const uint FILE_SHARE_WRITE = 2;
    public const uint FILE_SHARE_DELETE = 4;
    public const uint CREATE_NEW = 1;
    public const uint OPEN_EXISTING = 3;
    public const uint FILE_FLAG_BACKUP_SEMANTICS = 0x02000000;
    public const uint FILE_FLAG_SEQUENTIAL_SCAN = 0x08000000;
    public const uint FILE_BEGIN = 0;
    public const uint MOVEFILE_REPLACE_EXISTING = 1;
    public const uint MOVEFILE_WRITE_THROUGH = 8;
    public const uint FILE_READ_ONLY_VOLUME = 0x00080000;
    public const uint DRIVE_NO_ROOT_DIR = 1;
    public const uint DRIVE_REMOVABLE = 2;
    public const uint DRIVE_REMOTE = 4;
    public const uint DRIVE_CDROM = 5;

    // winioctl.h
    public const uint FSCTL_LOCK_VOLUME = 0x90018;
    public const uint FSCTL_UNLOCK_VOLUME = 0x9001C;
    public const uint FSCTL_DISMOUNT_VOLUME = 0x90020;
    public const uint FSCTL_GET_NTFS_VOLUME_DATA = 0x90064;
    public const uint FSCTL_GET_VOLUME_BITMAP = 0x9006F;
    public const uint FSCTL_IS_VOLUME_DIRTY = 0x90078;
    public const uint FSCTL_ALLOW_EXTENDED_DASD_IO = 0x90083;
    public const uint FSCTL_GET_RETRIEVAL_POINTER_BASE = 0x90234;
    public const uint FSCTL_SET_SPARSE = 0x900C4;
    public const uint FSCTL_SET_ZERO_DATA = 0x980C8;
    public const uint FSCTL_QUERY_ALLOCATED_RANGES = 0x940CF;
    public const uint IOCTL_DISK_GET_DRIVE_GEOMETRY = 0x70000;
    public const uint IOCTL_DISK_IS_WRITABLE = 0x70024;
    public const uint IOCTL_DISK_GET_PARTITION_INFO_EX = 0x70048;
    public const uint IOCTL_DISK_GET_DRIVE_LAYOUT_EX = 0x70050;
    public const uint IOCTL_DISK_UPDATE_PROPERTIES = 0x70140;
    public const uint IOCTL_DISK_GET_LENGTH_INFO = 0x7405C;
    public const uint IOCTL_STORAGE_GET_DEVICE_NUMBER = 0x2D1080;
    public const uint IOCTL_STORAGE_QUERY_PROPERTY = 0x2D1400;
    public const uint IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS = 0x560000;

    public static readonly UIntPtr HKEY_LOCAL_MACHINE = (UIntPtr)0x80000002u;
    public const uint RRF_RT_REG_SZ = 0x2;
    public const uint RRF_RT_REG_MULTI_SZ = 0x20;

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    public static extern SafeFileHandle CreateFileW(
        string name, uint access, uint share, IntPtr security, uint creation, uint flags, IntPtr template);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool ReadFile(SafeFileHandle file, byte* buffer, uint count, out uint read, ref Position position);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool WriteFile(SafeFileHandle file, byte* buffer, uint count, out uint written, ref Position position);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool DeviceIoControl(
        SafeFileHandle device, uint code, void* input, uint inputBytes, void* output, uint outputBytes, out uint returned, IntPtr overlapped);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool FlushFileBuffers(SafeFileHandle file);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool GetFileSizeEx(SafeFileHandle file, out long lengthBytes);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool SetFilePointerEx(SafeFileHandle file, long distance, out long position, uint method);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool SetEndOfFile(SafeFileHandle file);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool MoveFileExW(string from, string to, uint flags);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool DeleteFileW(string name);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    public static extern IntPtr FindFirstVolumeW([Out] char[] name, uint length);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool FindNextVolumeW(IntPtr find, [Out] char[] name, uint length);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool FindVolumeClose(IntPtr find);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool GetVolumePathNamesForVolumeNameW(string volume, [Out] char[] names, uint length, out uint needed);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool GetVolumeNameForVolumeMountPointW(string mountPoint, [Out] char[] name, uint length);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool GetVolumePathNameW(string path, [Out] char[] root, uint length);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool GetVolumeInformationW(
        string root, [Out] char[] label, uint labelLength, out uint serial, out uint nameLength, out uint flags,
        [Out] char[] fileSystem, uint fileSystemLength);

    [DllImport(Library, CharSet = CharSet.Unicode)]
    public static extern uint GetDriveTypeW(string root);

    [DllImport(Library)]
    public static extern uint GetLogicalDrives();

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    public static extern uint QueryDosDeviceW(string name, [Out] char[] target, uint length);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool GetDiskFreeSpaceW(
        string root, out uint sectorsPerCluster, out uint bytesPerSector, out uint freeClusters, out uint clusters);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool GetDiskFreeSpaceExW(string root, out ulong freeToCaller, out ulong totalBytes, out ulong freeBytes);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    public static extern uint GetSystemWindowsDirectoryW([Out] char[] path, uint length);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool CreateDirectoryW(string path, ref SecurityAttributes attributes);

    [DllImport(Library)]
    public static extern IntPtr LocalFree(IntPtr memory);

    [DllImport("advapi32.dll", CharSet = CharSet.Unicode)]
    public static extern int RegGetValueW(
        UIntPtr key, string subKey, string value, uint flags, out uint type, [Out] char[] data, ref uint dataBytes);

    [DllImport("shell32.dll")]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool IsUserAnAdmin();

    /// <summary>SECURITY_ATTRIBUTES.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct SecurityAttributes
    {
        public uint Length;
        public IntPtr Descriptor;
        public int InheritHandle;
    }

    /// <summary>OVERLAPPED, of which a synchronous handle takes only the offset.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Position
    {
        public UIntPtr Internal;
        public UIntPtr InternalHigh;
        public uint OffsetLow;
        public uint OffsetHigh;
        public IntPtr Event;
    }
}
