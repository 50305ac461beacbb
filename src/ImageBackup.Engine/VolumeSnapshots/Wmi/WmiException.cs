using System;

namespace ImageBackup.Engine.VolumeSnapshots.Wmi;

/// <summary>WMI refused a call. The message is what it said.</summary>
internal sealed class WmiException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The object that was named is not there (any more).</summary>
    public bool IsNotFound { get; init; }
}
