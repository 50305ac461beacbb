using System;

namespace Alphaleonis.Win32.Vss;

[Flags]
public enum VssVolumeSnapshotAttributes
{
    Persistent = 1,
    NoAutoRelease = 8,
    NoWriters = 16,
    Differential = 0x20000,
}
