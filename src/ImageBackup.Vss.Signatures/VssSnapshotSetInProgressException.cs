namespace Alphaleonis.Win32.Vss;

public sealed class VssSnapshotSetInProgressException : VssException
{
    public VssSnapshotSetInProgressException(string message)
        : base(message)
    {
    }
}
