using System;

namespace ImageBackup.Vss;

/// <summary>What an attempt that failed says of the next one.</summary>
internal enum VssSupport
{
    /// <summary>It would fail again.</summary>
    Hopeless,

    /// <summary>A writer or the flushing of writes failed in a way that may pass.</summary>
    AnotherTime,

    /// <summary>Another snapshot set is being made: ours must wait, and that is not a failure.</summary>
    Busy,
}

/// <summary>One attempt at a snapshot set failed; everything that it had begun is undone. The message is a sentence's part.</summary>
internal sealed class VssSupportException(VssSupport support, string message, Exception? inner = null) : Exception(message, inner)
{
    public VssSupport Support => support;
}
