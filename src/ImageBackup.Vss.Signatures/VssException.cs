using System;

namespace Alphaleonis.Win32.Vss;

public abstract class VssException : Exception
{
    protected VssException(string message)
        : base(message)
    {
    }
}
