using System;
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Platform;

/// <summary>
/// Windows' data protection (crypt32): bytes that only one user, or only one computer, can read again. .NET has it
/// in a package that .NET Framework has built in; two calls are less than a dependency.
/// </summary>
internal static class DataProtection
{
    private const int NoUserInterface = 0x1;
    private const int ForComputer = 0x4;

    /// <exception cref="Win32Exception">The system refused.</exception>
    public static byte[] Protect(byte[] secret, bool forComputer) =>
        Call(secret, (ref Blob input, ref Blob output) =>
            CryptProtectData(ref input, null, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, NoUserInterface | (forComputer ? ForComputer : 0), ref output));

    /// <exception cref="Win32Exception">Another user or computer protected it, or it is damaged.</exception>
    public static byte[] Unprotect(byte[] data) =>
        Call(data, (ref Blob input, ref Blob output) =>
            CryptUnprotectData(ref input, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, NoUserInterface, ref output));

    private delegate bool BlobCall(ref Blob input, ref Blob output);

    private static byte[] Call(byte[] bytes, BlobCall call)
    {
        GCHandle pinned = GCHandle.Alloc(bytes, GCHandleType.Pinned);
        var output = default(Blob);
        try
        {
            var input = new Blob { LengthBytes = bytes.Length, Data = pinned.AddrOfPinnedObject() };
            if (!call(ref input, ref output))
                throw new Win32Exception(Marshal.GetLastWin32Error());
            var result = new byte[output.LengthBytes];
            Marshal.Copy(output.Data, result, 0, result.Length);
            return result;
        }
        finally
        {
            pinned.Free();
            if (output.Data != IntPtr.Zero)
            {
                Marshal.Copy(new byte[output.LengthBytes], 0, output.Data, output.LengthBytes);
                _ = LocalFree(output.Data);
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Blob
    {
        public int LengthBytes;
        public IntPtr Data;
    }

    [DllImport("crypt32", SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CryptProtectData(
        ref Blob input, string? description, IntPtr entropy, IntPtr reserved, IntPtr prompt, int flags, ref Blob output);

    [DllImport("crypt32", SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CryptUnprotectData(
        ref Blob input, IntPtr description, IntPtr entropy, IntPtr reserved, IntPtr prompt, int flags, ref Blob output);

    [DllImport("kernel32")]
    private static extern IntPtr LocalFree(IntPtr memory);
}
