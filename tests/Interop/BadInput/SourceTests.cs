using System;
using System.IO;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Interop.BadInput;

/// <summary>A source that grows, shrinks, vanishes or is swapped while it is open.</summary>
public sealed class SourceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string _path;

    public SourceTests()
    {
        _path = _directory["a.img"];
        File.WriteAllBytes(_path, SeededBytes.Make(1, 1_000_000));
    }

    public void Dispose() => _directory.Dispose();

    private void AssertChanged(Action change)
    {
        VolumeDescription description = VolumeSystem.Current.Find(_path);
        using IBlockReader reader = VolumeSystem.Current.OpenRead(description, VolumeOpenMode.Shared);
        SourceChange.ThrowIfChanged(description, reader);
        change();
        Assert.Equal(ErrorId.VolumeChanged, Assert.Throws<ImageBackupException>(() => SourceChange.ThrowIfChanged(description, reader)).Id);
    }

    private void SetLength(long lengthBytes)
    {
        using FileStream file = File.Open(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.SetLength(lengthBytes);
    }

    [Fact]
    public void Growing() => AssertChanged(() => SetLength(1_000_512));

    [Fact]
    public void Shrinking() => AssertChanged(() => SetLength(999_000));

    [Fact]
    public void Another_file_under_its_name()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Windows keeps an open file's name.");
        AssertChanged(() =>
        {
            File.WriteAllBytes(_directory["b.img"], SeededBytes.Make(2, 1_000_000));
            File.Move(_directory["b.img"], _path, overwrite: true);
        });
    }

    [Fact]
    public void Nothing_under_its_name()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Windows keeps an open file's name.");
        AssertChanged(() => File.Delete(_path));
    }

    [Fact]
    public void A_read_behind_the_new_end_says_that_it_is_gone()
    {
        VolumeDescription description = VolumeSystem.Current.Find(_path);
        using IBlockReader reader = VolumeSystem.Current.OpenRead(description, VolumeOpenMode.Shared);
        SetLength(4096);
        Assert.True(Assert.Throws<BlockReadException>(() => reader.ReadAt(8192, new byte[512])).IsGone);
    }
}
