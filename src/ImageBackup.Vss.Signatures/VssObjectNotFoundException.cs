namespace Alphaleonis.Win32.Vss;

public sealed class VssObjectNotFoundException : VssException
{
    public VssObjectNotFoundException(string message)
        : base(message)
    {
    }
}
