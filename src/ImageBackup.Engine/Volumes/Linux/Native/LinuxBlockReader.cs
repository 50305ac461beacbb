using System;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>
/// Reads an open device or file through the page cache, which does what alignment the device asks for; long reads of a device past
/// it, if that was asked for.
/// </summary>
internal class LinuxBlockReader : IFlushedReader, IQueuedReader, ILengthQuery, INamedSource
{
    private const int DefaultSectorSizeBytes = 512;

    private readonly PageRecycler _recycler;
    private readonly DirectReads? _direct;

    /// <summary>Takes the descriptor over, also when it throws.</summary>
    /// <exception cref="BlockReadException">The length could not be had.</exception>
    public LinuxBlockReader(FileDescriptor descriptor, string name, bool isDevice)
    {
        Descriptor = descriptor;
        _recycler = new PageRecycler(descriptor.DropCache);
        Name = name;
        IsDevice = isDevice;
        SectorSizeBytes = isDevice && descriptor.Control(Libc.BLKSSZGET, out int sector, out _) && sector >= DefaultSectorSizeBytes
            ? sector
            : DefaultSectorSizeBytes;
        try
        {
            LengthBytes = QueryLengthBytes();
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    protected FileDescriptor Descriptor { get; }
    protected bool IsDevice { get; }

    /// <summary>For messages.</summary>
    public string Name { get; }
    public long LengthBytes { get; protected init; }
    public int SectorSizeBytes { get; }
    public bool IsFlushed { get; init; }

    /// <summary>Whether pages that have been read through are given back: nobody else wants a whole device in the cache.</summary>
    public bool RecyclesCache { get; init; }

    /// <summary>Whether long reads go past the cache, if the device takes such reads.</summary>
    public bool IsPastCache
    {
        get => _direct is { IsRefused: false };
        init => _direct = value ? DirectReads.Of(Descriptor, LengthBytes) : null;
    }

    public int QueueBytes => IsPastCache ? DirectReads.QueueBytes : 0;

    public long QueryLengthBytes()
    {
        if (IsDevice)
        {
            // The bytes behind the last whole sector cannot be reached (a 4096-byte loop device on an odd file).
            return Descriptor.Control(Libc.BLKGETSIZE64, out long bytes, out int deviceErrno)
                ? bytes - (bytes % SectorSizeBytes)
                : throw LinuxFailure.Read(deviceErrno, Name, 0, 0);
        }
        return FileStatus.OfDescriptor(Descriptor, out int errno)?.SizeBytes ?? throw LinuxFailure.Read(errno, Name, 0, 0);
    }

    /// <summary>Where the reader was opened by; null: its name is its path.</summary>
    public string? Path { get; init; }

    public bool IsStillNamed() =>
        FileStatus.OfDescriptor(Descriptor, out _) is { } open && FileStatus.OfPath(Path ?? Name) is { } named
        && (IsDevice ? named.IsBlockDevice && named.NodeDevice == open.NodeDevice : named.IsSameFile(open));

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int wanted = BlockBounds.ReadableCount(offsetBytes, buffer.Length, LengthBytes);
        using PendingCall call = PendingCalls.Enter(Name);
        int direct = _direct is not null && wanted >= DirectReads.WorthBytes ? _direct.Read(offsetBytes, buffer.Slice(0, wanted)) : 0;
        int done = direct;
        while (done < wanted)
        {
            // A bad sector in the middle first gives what lies before it, then the error at its own offset.
            int count = Descriptor.Read(offsetBytes + done, buffer.Slice(done, wanted - done), out int errno);
            if (count < 0)
                throw LinuxFailure.Read(errno, Name, offsetBytes + done, wanted - done);
            if (count == 0)
                throw LinuxFailure.Short(Name, offsetBytes + done, wanted - done);
            done += count;
        }
        if (RecyclesCache && done > direct)
            _recycler.Note(offsetBytes + direct, done - direct);
        return done;
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        _direct?.Dispose();
        Descriptor.Dispose();
    }
}
