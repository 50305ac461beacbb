using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.ComponentModel;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Bench;

/// <summary>
/// A file that is read at the pace of another disk: a mount of FUSE whose root is the file, which a loop device is then put on. The kernel of
/// this machine need not know dm-delay or nbd for that. Needs root. Reads only.
/// Layout of the requests and answers: the kernel's include/uapi/linux/fuse.h, version 7.31.
/// </summary>
/// <param name="file">What is read. It should be in memory.</param>
/// <param name="mountPoint">A file that is made here and taken away again.</param>
/// <param name="pace">How long a read takes.</param>
internal sealed partial class SlowDisk(string file, string mountPoint, DiskPace pace) : IDisposable
{
    private const int HeaderBytes = 40, AnswerHeaderBytes = 16, RequestBytes = 128 << 10;

    /// <summary>More than any reader here has under way, so that what waits is the disk's and not ours.</summary>
    private const int ThreadCount = 32;

    private const int LongestReadBytes = 1 << 20, PageBytes = 4096;

    private const int NoEntry = -2, NotSupported = -38, Gone = 19 /* ENODEV: it is not mounted any more */;

    private const ulong RootNode = 1;

    private enum Operation : uint
    {
        Forget = 2, GetAttributes = 3, Open = 14, Read = 15, Release = 18, Flush = 25, Init = 26, Interrupt = 36, Destroy = 38, ForgetMany = 42,
    }

    [Flags]
    private enum InitFlags : uint
    {
        AsyncRead = 1 << 0, AsyncDirect = 1 << 15, MaxPages = 1 << 22,
    }

    private readonly long _lengthBytes = new FileInfo(file).Length;
    private readonly SafeFileHandle _content = File.OpenHandle(file);
    private readonly List<Thread> _threads = [];
    private SafeFileHandle? _requests;

    public SlowDisk Start()
    {
        File.WriteAllBytes(mountPoint, []);
        _requests = File.OpenHandle("/dev/fuse", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        string options = FormattableString.Invariant($"fd={_requests.DangerousGetHandle()},rootmode=100400,user_id=0,group_id=0,max_read={LongestReadBytes}");
        if (Mount("slow", mountPoint, "fuse", 0, options) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "FUSE cannot be mounted: " + Marshal.GetLastPInvokeErrorMessage());
        for (int i = 0; i < ThreadCount; i++)
        {
            var thread = new Thread(Serve) { IsBackground = true };
            thread.Start();
            _threads.Add(thread);
        }
        return this;
    }

    private void Serve()
    {
        byte[] request = new byte[RequestBytes], answer = new byte[AnswerHeaderBytes + LongestReadBytes];
        while (true)
        {
            nint count = Read(_requests!, request, (nuint)request.Length);
            if (count < HeaderBytes)
            {
                if (count >= 0 || Marshal.GetLastPInvokeError() == Gone)
                    return;
                // The one who asked was interrupted before it was read: ENOENT, and the next one is there.
                continue;
            }
            if (Answer(request.AsSpan(0, (int)count), answer) is not { } bytes)
                continue;
            BinaryPrimitives.WriteUInt32LittleEndian(answer, (uint)bytes);
            request.AsSpan(8, 8).CopyTo(answer.AsSpan(8));
            // If it fails, nobody waits for it any more.
            _ = Write(_requests!, answer, (nuint)bytes);
        }
    }

    /// <returns>The answer's length with its header, whose error is set; null: there is none to this.</returns>
    private int? Answer(ReadOnlySpan<byte> request, byte[] answer)
    {
        var operation = (Operation)BinaryPrimitives.ReadUInt32LittleEndian(request[4..]);
        ulong node = BinaryPrimitives.ReadUInt64LittleEndian(request[16..]);
        ReadOnlySpan<byte> body = request[HeaderBytes..];
        Span<byte> result = answer.AsSpan(AnswerHeaderBytes);
        BinaryPrimitives.WriteInt32LittleEndian(answer.AsSpan(4), 0);
        switch (operation)
        {
            case Operation.Forget or Operation.ForgetMany or Operation.Interrupt or Operation.Destroy:
                return null;
            case Operation.Init:
                result[..64].Clear();
                BinaryPrimitives.WriteUInt32LittleEndian(result, 7);
                BinaryPrimitives.WriteUInt32LittleEndian(result[4..], 31);
                body.Slice(8, 4).CopyTo(result[8..]);
                BinaryPrimitives.WriteUInt32LittleEndian(result[12..], (uint)(InitFlags.AsyncRead | InitFlags.AsyncDirect | InitFlags.MaxPages));
                // Requests in the background, and from how many on the disk is called congested.
                BinaryPrimitives.WriteUInt16LittleEndian(result[16..], ThreadCount);
                BinaryPrimitives.WriteUInt16LittleEndian(result[18..], ThreadCount);
                BinaryPrimitives.WriteUInt32LittleEndian(result[20..], PageBytes);
                BinaryPrimitives.WriteUInt32LittleEndian(result[24..], 1);
                BinaryPrimitives.WriteUInt16LittleEndian(result[28..], LongestReadBytes / PageBytes);
                return AnswerHeaderBytes + 64;
            case Operation.GetAttributes when node == RootNode:
                result[..104].Clear();
                // Valid for an hour: nobody else writes the file.
                BinaryPrimitives.WriteUInt64LittleEndian(result, 3600);
                BinaryPrimitives.WriteUInt64LittleEndian(result[16..], RootNode);
                BinaryPrimitives.WriteInt64LittleEndian(result[24..], _lengthBytes);
                BinaryPrimitives.WriteInt64LittleEndian(result[32..], _lengthBytes / 512);
                BinaryPrimitives.WriteUInt32LittleEndian(result[76..], 0x8000 | 0x100);
                BinaryPrimitives.WriteUInt32LittleEndian(result[80..], 1);
                BinaryPrimitives.WriteUInt32LittleEndian(result[96..], PageBytes);
                return AnswerHeaderBytes + 104;
            case Operation.Open when node == RootNode:
                result[..16].Clear();
                return AnswerHeaderBytes + 16;
            case Operation.Release or Operation.Flush:
                return AnswerHeaderBytes;
            case Operation.Read when node == RootNode:
                long offsetBytes = BinaryPrimitives.ReadInt64LittleEndian(body[8..]);
                int wantedBytes = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(body[16..]), LongestReadBytes);
                pace.Wait(offsetBytes, wantedBytes);
                return AnswerHeaderBytes + RandomAccess.Read(_content, result[..wantedBytes], offsetBytes);
            default:
                BinaryPrimitives.WriteInt32LittleEndian(answer.AsSpan(4), node == RootNode ? NotSupported : NoEntry);
                return AnswerHeaderBytes;
        }
    }

    /// <summary>Call it when nothing uses the file any more.</summary>
    public void Dispose()
    {
        Unmount(mountPoint, 2 /* MNT_DETACH */);
        foreach (Thread thread in _threads)
            thread.Join(TimeSpan.FromSeconds(5));
        _requests?.Dispose();
        _content.Dispose();
        File.Delete(mountPoint);
    }

    // A read of this device is one request, and a write one answer.
    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle file, [Out] byte[] buffer, nuint countBytes);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle file, byte[] buffer, nuint countBytes);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string kind, nuint flags, string options);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);
}
