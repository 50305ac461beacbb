namespace Alphaleonis.Win32.Vss;

public enum VssSnapshotState
{
    Unknown = 0,
    Preparing = 1,
    Created = 12,
    Aborted = 13,
    Deleted = 14,
}
