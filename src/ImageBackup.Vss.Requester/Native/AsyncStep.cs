using System;

namespace ImageBackup.Vss.Requester.Native;

/// <summary>IVssAsync.</summary>
internal sealed unsafe class AsyncStep(IntPtr pointer) : ComPointer(pointer), IAsyncStep
{
    public int? Query()
    {
        int result = 0, reserved = 0;
        var query = (delegate* unmanaged[Stdcall]<void*, int*, int*, int>)Method(Slots.Async.QueryStatus);
        Check("QueryStatus", query(This, &result, &reserved));
        return result switch
        {
            VssResult.AsyncPending => null,
            VssResult.AsyncFinished => VssResult.Ok,
            _ => result,
        };
    }

    public void Cancel()
    {
        var cancel = (delegate* unmanaged[Stdcall]<void*, int>)Method(Slots.Async.Cancel);
        _ = cancel(This);
    }
}
