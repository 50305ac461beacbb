using ImageBackup.Engine.Backup.Copy;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup.Copy;

public sealed class BackupCopyTests
{
    /// <summary>A device's reads are as long as a chunk: of small ones more have to be under way.</summary>
    [Theory]
    [InlineData(0, 256 << 10, 1)]
    [InlineData(4 << 20, 64 << 10, 16)]
    [InlineData(4 << 20, 256 << 10, 16)]
    [InlineData(4 << 20, 512 << 10, 8)]
    [InlineData(4 << 20, 1 << 20, 4)]
    [InlineData(4 << 20, 4 << 20, 4)]
    public void As_many_readers_as_the_device_wants_bytes_under_way(int queueBytes, int chunkSizeBytes, int readers) =>
        Assert.Equal(readers, BackupCopy.ReaderCount(queueBytes, chunkSizeBytes));
}
