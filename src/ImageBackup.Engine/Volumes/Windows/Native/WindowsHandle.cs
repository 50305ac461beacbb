using System;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Platform.Processes;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Volumes.Windows.Native;

/// <summary>
/// An open volume, device or file. Calls give the error number back instead of throwing: what an error means only
/// the caller knows. Positions are given with every call, so any thread may use it.
/// </summary>
internal sealed unsafe class WindowsHandle : IVolumeControl, IDisposable
{
    private const uint MostBytesACall = 1 << 30;
    private readonly SafeFileHandle _handle;

    private WindowsHandle(SafeFileHandle handle) => _handle = handle;

    /// <summary>Null if it could not be opened.</summary>
    public static WindowsHandle? Open(string path, uint access, uint share, uint creation, uint flags, out int error)
    {
        using PendingCall call = PendingCalls.Enter(path);
        SafeFileHandle handle = Kernel32.CreateFileW(path, access, share, IntPtr.Zero, creation, flags, IntPtr.Zero);
        error = handle.IsInvalid ? Marshal.GetLastWin32Error() : 0;
        if (!handle.IsInvalid)
            return new WindowsHandle(handle);
        handle.Dispose();
        return null;
    }

    /// <summary>Bytes read, 0 at the end, -1 on an error.</summary>
    public int Read(long offsetBytes, Span<byte> buffer, out int error)
    {
        Kernel32.Position position = At(offsetBytes);
        fixed (byte* pointer = buffer)
        {
            bool done = Kernel32.ReadFile(_handle, pointer, Math.Min((uint)buffer.Length, MostBytesACall), out uint count, ref position);
            error = done ? 0 : Marshal.GetLastWin32Error();
            if (error == WindowsError.HandleEof)
                return 0;
            return done ? (int)count : -1;
        }
    }

    /// <summary>Bytes written, -1 on an error.</summary>
    public int Write(long offsetBytes, ReadOnlySpan<byte> buffer, out int error)
    {
        Kernel32.Position position = At(offsetBytes);
        fixed (byte* pointer = buffer)
        {
            bool done = Kernel32.WriteFile(_handle, pointer, Math.Min((uint)buffer.Length, MostBytesACall), out uint count, ref position);
            error = done ? 0 : Marshal.GetLastWin32Error();
            return done ? (int)count : -1;
        }
    }

    public bool Control(uint code, out int error) => Control(code, default, default, out _, out error);

    /// <summary>A structure out.</summary>
    public bool Control(uint code, Span<byte> output, out int error) => Control(code, default, output, out _, out error);

    public bool Control(uint code, ReadOnlySpan<byte> input, Span<byte> output, out int returnedBytes, out int error)
    {
        fixed (byte* inputPointer = input)
        fixed (byte* outputPointer = output)
        {
            bool done = Kernel32.DeviceIoControl(
                _handle, code, inputPointer, (uint)input.Length, outputPointer, (uint)output.Length, out uint returned, IntPtr.Zero);
            error = done ? 0 : Marshal.GetLastWin32Error();
            returnedBytes = (int)returned;
            return done;
        }
    }

    public bool Flush(out int error)
    {
        bool done = Kernel32.FlushFileBuffers(_handle);
        error = done ? 0 : Marshal.GetLastWin32Error();
        return done;
    }

    /// <summary>A plain file's length; -1 on an error.</summary>
    public long FileLength(out int error)
    {
        bool done = Kernel32.GetFileSizeEx(_handle, out long lengthBytes);
        error = done ? 0 : Marshal.GetLastWin32Error();
        return done ? lengthBytes : -1;
    }

    public bool SetFileLength(long lengthBytes, out int error)
    {
        bool done = Kernel32.SetFilePointerEx(_handle, lengthBytes, out _, Kernel32.FILE_BEGIN) && Kernel32.SetEndOfFile(_handle);
        error = done ? 0 : Marshal.GetLastWin32Error();
        return done;
    }

    public void Dispose() => _handle.Dispose();

    private static Kernel32.Position At(long offsetBytes) =>
        new() { OffsetLow = unchecked((uint)offsetBytes), OffsetHigh = (uint)(offsetBytes >> 32) };
}
