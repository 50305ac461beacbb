namespace Alphaleonis.Win32.Vss;

public sealed class VssHoldWritesTimeoutException : VssException
{
    public VssHoldWritesTimeoutException(string message)
        : base(message)
    {
    }
}
