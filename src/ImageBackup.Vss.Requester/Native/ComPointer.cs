using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Vss.Requester.Native;

/// <summary>A counted reference to an object of VSS. Methods are called through the object's table: no generated interop, one code for every runtime.</summary>
internal abstract unsafe class ComPointer(IntPtr pointer) : IDisposable
{
    private IntPtr _pointer = pointer;

    protected void* This => _pointer == IntPtr.Zero ? throw new ObjectDisposedException(GetType().Name) : (void*)_pointer;

    protected void* Method(int slot) => (*(void***)This)[slot];

    /// <summary>Gives the reference back, once.</summary>
    public void Dispose()
    {
        if (_pointer == IntPtr.Zero)
            return;
        var release = (delegate* unmanaged[Stdcall]<void*, uint>)Method(Slots.Release);
        _ = release(This);
        _pointer = IntPtr.Zero;
    }

    /// <summary>The text of a BSTR, which is freed; "" for a null one, as COM has it.</summary>
    protected static string TakeText(IntPtr bstr)
    {
        if (bstr == IntPtr.Zero)
            return "";
        string text = Marshal.PtrToStringUni(bstr, (int)NativeMethods.SysStringLen(bstr));
        NativeMethods.SysFreeString(bstr);
        return text;
    }

    /// <exception cref="VssFailureException">The call failed.</exception>
    protected static void Check(string call, int result)
    {
        if (VssResult.Failed(result))
            throw new VssFailureException(VssResult.KindOf(result), $"{call}: {VssResult.Describe(result)}", result);
    }

    /// <summary>A call that succeeded without giving what it must give is a fault of the other side.</summary>
    protected static IntPtr Given(string call, void* pointer) => pointer == null
        ? throw new VssFailureException(Protocol.FailureKind.Hopeless, $"{call}: it succeeded and gave nothing")
        : (IntPtr)pointer;
}
