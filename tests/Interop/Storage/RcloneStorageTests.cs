using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Rclone;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>The contract, on a real rclone over its pipes.</summary>
public sealed class RcloneContractTests : StorageContract
{
    private readonly TemporaryDirectory _directory = new();

    private protected override object Open()
    {
        IStorage storage = RcloneStorageTests.Open(_directory["contract"]);
        storage.CreateLayout();
        return storage;
    }

    public override void Dispose()
    {
        base.Dispose();
        _directory.Dispose();
    }
}

/// <summary>What is true of rclone only: its end, its words, and restic on the same repository.</summary>
public sealed class RcloneStorageTests : IDisposable
{
    private static readonly string s_name = BlobId.Of("x"u8).ToString();

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>The driver, with retries that do not wait long.</summary>
    internal static IStorage Open(string folder, Dictionary<string, string>? options = null)
    {
        Assert.SkipUnless(ResticTool.Find("rclone") is not null, "rclone is not installed.");
        return new RetryingStorage(RcloneLocation.Open(StorageRegistry.Parse("rclone::local:" + folder, options)), [.. Enumerable.Repeat(TimeSpan.FromMilliseconds(20), 6)]);
    }

    [Fact]
    public void Rclone_that_ends_is_started_again_and_ends_with_the_repository()
    {
        IStorage storage = Open(_directory["r"]);
        storage.CreateLayout();
        byte[] content = SeededBytes.Make(1, 5_000_000);
        storage.Save(StoredKind.Pack, s_name, content);
        int first = Assert.Single(Children());
        using (Process rclone = Process.GetProcessById(first))
            rclone.Kill();
        Assert.Equal(content, storage.Load(StoredKind.Pack, s_name, 1 << 23));
        Assert.NotEqual(first, Assert.Single(Children()));
        storage.Dispose();
        for (long end = Environment.TickCount64 + 30_000; Children().Count > 0 && Environment.TickCount64 < end;)
            Thread.Sleep(20);
        Assert.Empty(Children());
    }

    private List<int> Children() => [.. Process.GetProcessesByName("rclone").Where(process => File.Exists($"/proc/{process.Id}/cmdline")
        && File.ReadAllText($"/proc/{process.Id}/cmdline").Contains(_directory["r"], StringComparison.Ordinal)).Select(process => process.Id)];

    [Theory]
    [InlineData("rclone.program", "/no/such/rclone", ErrorId.StorageProgramMissing, "no program '/no/such/rclone'")]
    [InlineData("rclone.args", "serve restic --no-such-flag", ErrorId.StorageUnreachable, "rclone has ended: Error: unknown flag: --no-such-flag")]
    public void A_program_that_is_not_there_and_one_that_fails_are_told(string option, string value, ErrorId id, string text)
    {
        using var files = new RepositoryFiles(Open(_directory["r"], new() { [option] = value }));
        var e = Assert.Throws<ImageBackupException>(() => files.Exists(StoredKind.Config, ""));
        Assert.Equal(id, e.Id);
        Assert.Contains(text, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ours_over_rclone_is_whole_for_restic_and_restics_for_us()
    {
        Assert.SkipUnless(ResticTool.Find("rclone") is not null, "rclone is not installed.");
        string url = "rclone::local:" + _directory["both"];
        BothTools.AssertWhole(StorageRegistry.Parse(url), url);
    }
}
