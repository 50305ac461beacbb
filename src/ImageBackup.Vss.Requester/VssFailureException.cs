using System;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester;

/// <summary>A step failed. The message is a sentence's part: the step, and why in words.</summary>
internal sealed class VssFailureException(FailureKind kind, string message, int result = 0) : Exception(message)
{
    public FailureKind Kind => kind;

    /// <summary>The HRESULT; 0 if it was not one.</summary>
    public int Result => result;
}
