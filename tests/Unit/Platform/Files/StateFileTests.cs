using System;
using ImageBackup.Engine.Platform.Files;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Platform.Files;

/// <summary>The small files that runs leave for later ones: how much of one is read, and what that takes.</summary>
public sealed class StateFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(4999, true)]
    [InlineData(5000, true)]
    [InlineData(5001, false)]
    [InlineData(100_000, false)]
    public void It_is_read_whole_or_not_at_all(int lengthBytes, bool isRead)
    {
        string path = _directory["state"], text = new('x', lengthBytes);
        Assert.Null(StateFile.TryWrite(path, text));
        Assert.Equal(isRead ? text : null, StateFile.TryRead(path, 5000, out string? complaint));
        Assert.Equal(isRead, complaint is null);
    }

    /// <summary>Of a repository's memory 32 MiB are the limit, and each command that lists images reads it up to three times.</summary>
    [Fact]
    public void Reading_takes_the_files_length_and_not_the_longest_that_it_may_have()
    {
        string path = _directory["state"];
        Assert.Null(StateFile.TryWrite(path, new string('x', 3000)));
        Assert.NotNull(StateFile.TryRead(path, 32 << 20));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.NotNull(StateFile.TryRead(path, 32 << 20));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 3000, 100_000);
    }
}
