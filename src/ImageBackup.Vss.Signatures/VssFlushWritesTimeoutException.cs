namespace Alphaleonis.Win32.Vss;

public sealed class VssFlushWritesTimeoutException : VssException
{
    public VssFlushWritesTimeoutException(string message)
        : base(message)
    {
    }
}
