using System;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux;

/// <summary>Writes an open device or file at any offset.</summary>
internal sealed class LinuxBlockWriter : LinuxBlockReader, IPlainFileWriter, IPartitionedTarget
{
    private readonly FirstFailure _failure = new();
    private readonly WritebackQueue _writeback;
    private int _zeroUnsupported;
    private int _discardUnsupported;

    /// <inheritdoc cref="LinuxBlockReader(FileDescriptor, string, bool)"/>
    public LinuxBlockWriter(FileDescriptor descriptor, string name, bool isDevice)
        : base(descriptor, name, isDevice) => _writeback = new WritebackQueue(name, descriptor.BeginWriteback, RecycleCache);

    /// <summary>How many partitions the kernel knows of the device; asked only after it was told to read their table anew.</summary>
    public Func<int>? KernelPartitionCount { get; init; }

    /// <summary>Zeroing and discarding go in steps, so that a signal or a failure has an offset close to it.</summary>
    private const long StepBytes = 256L << 20;

    /// <summary>Whole pages only: a call that drops pages must not meet bytes that are still to be written.</summary>
    private const int PageBytes = 4096;

    /// <summary>A disk whose partitions are in use is busy for good: two seconds tell it from one that is looked at.</summary>
    private const int RereadAttempts = 20;
    private static readonly TimeSpan s_rereadPause = TimeSpan.FromMilliseconds(100);

    public void WriteAt(long offsetBytes, ReadOnlySpan<byte> buffer)
    {
        BlockBounds.RequireInside(offsetBytes, buffer.Length, LengthBytes);
        _failure.ThrowIfFailed(offsetBytes, buffer.Length);
        using PendingCall call = PendingCalls.Enter(Name);
        for (int done = 0; done < buffer.Length;)
        {
            int count = Descriptor.Write(offsetBytes + done, buffer.Slice(done), out int errno);
            if (count <= 0)
            {
                throw _failure.Record(LinuxFailure.Write(
                    count < 0 ? errno : Errno.EIO, Name, offsetBytes + done, buffer.Length - done));
            }
            done += count;
        }
        // The disk works while we do, and the flush at the end has little left.
        _writeback.Note(offsetBytes, buffer.Length);
    }

    /// <summary>A restore neither fills the memory with dirty pages nor pushes out what others need.</summary>
    private void RecycleCache()
    {
        if (!Descriptor.AwaitWriteback(out int errno) && !Errno.IsUnsupported(errno) && errno != Errno.EINTR)
            throw _failure.Record(LinuxFailure.Write(errno, Name, 0, LengthBytes));
        Descriptor.DropCache();
    }

    public void ZeroRange(ByteRange range)
    {
        BlockBounds.RequireInside(range.OffsetBytes, range.LengthBytes, LengthBytes);
        _failure.ThrowIfFailed(range.OffsetBytes, range.LengthBytes);
        ByteRange? inner = Volatile.Read(ref _zeroUnsupported) == 0
            ? BlockBounds.InnerAligned(range, Math.Max(PageBytes, SectorSizeBytes))
            : null;
        if (inner is not { } whole || !TryInSteps(whole, ref _zeroUnsupported, Zero))
        {
            ZeroBytes.WriteTo(this, range);
            return;
        }
        ZeroBytes.WriteTo(this, new ByteRange(range.OffsetBytes, whole.OffsetBytes - range.OffsetBytes));
        ZeroBytes.WriteTo(this, new ByteRange(whole.EndBytes, range.EndBytes - whole.EndBytes));
    }

    public bool TryDiscard(ByteRange range)
    {
        BlockBounds.RequireInside(range.OffsetBytes, range.LengthBytes, LengthBytes);
        _failure.ThrowIfFailed(range.OffsetBytes, range.LengthBytes);
        if (Volatile.Read(ref _discardUnsupported) != 0)
            return false;
        return BlockBounds.InnerAligned(range, Math.Max(PageBytes, SectorSizeBytes)) is not { } inner
            || TryInSteps(inner, ref _discardUnsupported, Discard);
    }

    public ByteRange? NextData(long offsetBytes) => IsDevice
        ? offsetBytes < LengthBytes ? new ByteRange(offsetBytes, LengthBytes - offsetBytes) : null
        : LinuxFileReader.FindData(Descriptor, Name, offsetBytes, LengthBytes);

    /// <summary>
    /// fsync. An error that the kernel met while it wrote behind our back comes out here, once, and without an
    /// offset: the whole target is then in doubt.
    /// </summary>
    public void Flush()
    {
        using PendingCall call = PendingCalls.Enter(Name);
        _writeback.AwaitSent();
        _failure.ThrowIfFailed(0, LengthBytes);
        if (!Descriptor.Sync(out int errno))
            throw _failure.Record(LinuxFailure.Write(errno, Name, 0, LengthBytes));
    }

    public void DropCache() => Descriptor.DropCache();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            using PendingCall call = PendingCalls.Enter(Name);
            _writeback.Dispose();
        }
        base.Dispose(disposing);
    }

    public string? RereadPartitionTable()
    {
        if (!IsDevice)
            return null;
        int errno = 0;
        // Who watches devices, udev for instance, opens a partition for a moment when its disk was written to.
        for (int attempt = 0; attempt < RereadAttempts; attempt++)
        {
            if (Descriptor.Control(Libc.BLKRRPART, out errno))
                return null;
            if (errno != Errno.EBUSY)
                break;
            Thread.Sleep(s_rereadPause);
        }
        // A partition, a logical volume or a loop device without partitions refuses: nobody has an old table of it, unless
        // partitions were added one by one.
        return Errno.IsUnsupported(errno) || errno is Errno.EINVAL or Errno.ENOTTY
            ? KernelPartitionCount?.Invoke() is > 0 ? Stale("it does not read partition tables of this device") : null
            : Stale(Errno.Describe(errno));

        string Stale(string why) =>
            $"The kernel still has the old partitions of '{Name}': {why}. Run 'partprobe {Name}' or 'partx -u {Name}', or restart, before you use them.";
    }

    private delegate bool RangeCall(long offsetBytes, long lengthBytes, out int errno);

    /// <summary>False if the target cannot do it at all; it is not asked again.</summary>
    private bool TryInSteps(ByteRange range, ref int unsupported, RangeCall call)
    {
        using PendingCall pending = PendingCalls.Enter(Name);
        for (long offset = range.OffsetBytes; offset < range.EndBytes;)
        {
            long count = Math.Min(StepBytes, range.EndBytes - offset);
            if (!call(offset, count, out int errno))
            {
                if (!Errno.IsUnsupported(errno) && errno != Errno.EPERM)
                    throw _failure.Record(LinuxFailure.Write(errno, Name, offset, count));
                Volatile.Write(ref unsupported, 1);
                return false;
            }
            offset += count;
        }
        return true;
    }

    private bool Zero(long offsetBytes, long lengthBytes, out int errno) => IsDevice
        ? Descriptor.ControlRange(Libc.BLKZEROOUT, offsetBytes, lengthBytes, out errno)
        : Punch(offsetBytes, lengthBytes, out errno)
            || (Errno.IsUnsupported(errno) && Descriptor.Allocate(
                Libc.FALLOC_FL_ZERO_RANGE | Libc.FALLOC_FL_KEEP_SIZE, offsetBytes, lengthBytes, out errno));

    private bool Discard(long offsetBytes, long lengthBytes, out int errno) => IsDevice
        ? Descriptor.ControlRange(Libc.BLKDISCARD, offsetBytes, lengthBytes, out errno)
        : Punch(offsetBytes, lengthBytes, out errno);

    private bool Punch(long offsetBytes, long lengthBytes, out int errno) => Descriptor.Allocate(
        Libc.FALLOC_FL_PUNCH_HOLE | Libc.FALLOC_FL_KEEP_SIZE, offsetBytes, lengthBytes, out errno);
}
