namespace Alphaleonis.Win32.Vss;

public enum VssSnapshotContext : uint
{
    Backup = 0,
    FileShareBackup = 0x10,
    All = 0xFFFFFFFF,
}
