using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Vss.Requester.Native;

/// <summary>VSS_COMPONENTINFO as it lies in memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ComponentInfo
{
    public int Type;
    public IntPtr LogicalPath;
    public IntPtr ComponentName;
    public IntPtr Caption;
    public IntPtr Icon;
    public uint IconBytes;
    public byte RestoreMetadata;
    public byte NotifyOnBackupComplete;
    public byte Selectable;
    public byte SelectableForRestore;
    public uint ComponentFlags;
    public uint FileCount;
    public uint Databases;
    public uint LogFiles;
    public uint Dependencies;
}
