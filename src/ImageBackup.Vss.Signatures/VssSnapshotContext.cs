namespace Alphaleonis.Win32.Vss;

public enum VssSnapshotContext : uint
{
    Backup = 0,
    All = 0xFFFFFFFF,
}
