using System;
using System.Threading;
using System.Threading.Tasks;
using Alphaleonis.Win32.Vss;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Vss;

/// <summary>Calls VSS with a time limit, and says what a failure means for the next attempt.</summary>
internal sealed class VssCalls(TimeSpan timeout, Action<string> log)
{
    /// <exception cref="VssSupportException">It failed or did not end.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public T Run<T>(string name, Func<CancellationToken, T> call, CancellationToken cancellation, Action<T>? late = null)
    {
        log("VSS: " + name);
        try
        {
            return TimeLimitedCall.Run(call, timeout, cancellation, late);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // AlphaVSS throws its own exceptions, COM's, and those of the framework that fit.
            throw new VssSupportException(SupportOf(e), $"{name}: {e.Message.Trim().TrimEnd('.')}", e);
        }
    }

    public void Run(string name, Action call, CancellationToken cancellation) => Run(name, _ =>
    {
        call();
        return true;
    }, cancellation);

    /// <summary>One of the operations that VSS does in its own time.</summary>
    public void Wait(string name, Func<CancellationToken, Task> call, CancellationToken cancellation) => Run(name, token =>
    {
        call(token).GetAwaiter().GetResult();
        return true;
    }, cancellation);

    private static VssSupport SupportOf(Exception e) => e switch
    {
        VssSnapshotSetInProgressException => VssSupport.Busy,
        VssFlushWritesTimeoutException or VssHoldWritesTimeoutException => VssSupport.AnotherTime,
        _ => VssSupport.Hopeless,
    };
}
