using System;
using System.IO;
using System.Threading.Tasks;
using ImageBackup.Engine.Volumes.Linux.Native;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Linux;

/// <summary>Reads past the page cache give the same bytes, at any offset and length, and give way where they are refused.</summary>
public sealed class DirectReadsTests : IDisposable
{
    // A whole number of sectors, not of pages, as a device may be.
    private const int LengthBytes = (5 << 20) + (7 * 512);

    private readonly TemporaryDirectory _directory = new();
    private readonly byte[] _content = SeededBytes.Make(12, LengthBytes);

    public DirectReadsTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "O_DIRECT is Linux's.");
        File.WriteAllBytes(_directory["volume"], _content);
    }

    public void Dispose() => _directory.Dispose();

    private static FileDescriptor Open(string path) => FileDescriptor.Open(path, Libc.O_RDONLY, out _)!;

    private LinuxBlockReader OpenReader() => new(Open(_directory["volume"]), "volume", isDevice: false) { IsPastCache = true };

    [Theory]
    [InlineData(0, LengthBytes)]
    [InlineData(0, 128 << 10)]
    [InlineData(1, (128 << 10) + 1)]
    [InlineData(4095, (1 << 20) + 2)]
    [InlineData(LengthBytes - (200 << 10) - 3, (200 << 10) + 3)]
    [InlineData((1 << 20) - 512, 3 << 20)]
    [InlineData(100, 50)]
    public void Any_range_is_what_the_cache_gives(int offsetBytes, int countBytes)
    {
        using LinuxBlockReader reader = OpenReader();
        byte[] found = new byte[countBytes];
        Assert.Equal(countBytes, reader.ReadAt(offsetBytes, found));
        Assert.True(_content.AsSpan(offsetBytes, countBytes).SequenceEqual(found));
    }

    [Fact]
    public void Many_threads_read_at_once()
    {
        using LinuxBlockReader reader = OpenReader();
        Parallel.For(0, 40, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            byte[] found = new byte[(128 << 10) + i];
            int offset = i * 100_000;
            Assert.Equal(found.Length, reader.ReadAt(offset, found));
            Assert.True(_content.AsSpan(offset, found.Length).SequenceEqual(found));
        });
    }

    [Fact]
    public void A_reader_says_how_many_reads_it_likes_at_once()
    {
        using LinuxBlockReader past = OpenReader(), through = new(Open(_directory["volume"]), "volume", isDevice: false);
        // A file system that does not take the flag is read through its cache, one at a time.
        Assert.Equal(past.IsPastCache ? DirectReads.QueueBytes : 0, past.QueueBytes);
        Assert.Equal((false, 0), (through.IsPastCache, through.QueueBytes));
    }

    [Fact]
    public void What_does_not_open_so_is_read_through_the_cache()
    {
        // The files of /proc have no other way.
        using FileDescriptor file = Open("/proc/self/status");
        Assert.Null(DirectReads.Of(file, 4096));
    }

    /// <summary>A range past the device's end: the rest is the other way's to fail for.</summary>
    [Fact]
    public void What_cannot_be_read_is_left_to_the_cache()
    {
        using FileDescriptor file = Open(_directory["volume"]);
        using DirectReads? reads = DirectReads.Of(file, LengthBytes + (1 << 20));
        Assert.SkipWhen(reads is null, "This file system does not take O_DIRECT.");
        byte[] found = new byte[256 << 10];
        int count = reads.Read(LengthBytes - 8192, found);
        Assert.InRange(count, 0, 8192);
        Assert.True(_content.AsSpan(LengthBytes - 8192, count).SequenceEqual(found.AsSpan(0, count)));
        Assert.Equal(found.Length - count, found.AsSpan(count).Count((byte)0));
    }
}
