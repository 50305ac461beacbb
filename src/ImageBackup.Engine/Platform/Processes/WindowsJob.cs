using System;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>
/// A job object: a process that a process in it starts is in it too, and all of it can be ended at once. It does not end its processes
/// when its handle is closed. Jobs nest from Windows 8 on; on an older system a process of another job stays out.
/// </summary>
internal sealed class WindowsJob : IDisposable
{
    private const uint ExitCode = 1;
    private readonly SafeJobHandle _handle;

    private WindowsJob(SafeJobHandle handle) => _handle = handle;

    /// <summary>Null if the system makes none.</summary>
    public static WindowsJob? TryCreate()
    {
        SafeJobHandle handle = CreateJobObjectW(IntPtr.Zero, IntPtr.Zero);
        if (!handle.IsInvalid)
            return new WindowsJob(handle);
        handle.Dispose();
        return null;
    }

    /// <summary>To be called right after the start: processes that it started before are not in the job.</summary>
    public void Add(Process process)
    {
        try
        {
            _ = AssignProcessToJobObject(_handle, process.SafeHandle);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It has ended already.
        }
    }

    public void Terminate()
    {
        if (!_handle.IsClosed)
            _ = TerminateJobObject(_handle, ExitCode);
    }

    public void Dispose() => _handle.Dispose();

    private sealed class SafeJobHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
    {
        protected override bool ReleaseHandle() => CloseHandle(handle);
    }

    [DllImport("kernel32", SetLastError = true, ExactSpelling = true)]
    private static extern SafeJobHandle CreateJobObjectW(IntPtr attributes, IntPtr name);

    [DllImport("kernel32", SetLastError = true, ExactSpelling = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool AssignProcessToJobObject(SafeJobHandle job, SafeProcessHandle process);

    [DllImport("kernel32", SetLastError = true, ExactSpelling = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool TerminateJobObject(SafeJobHandle job, uint exitCode);

    [DllImport("kernel32", SetLastError = true, ExactSpelling = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CloseHandle(IntPtr handle);
}
