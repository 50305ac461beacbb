using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Engine.VolumeSnapshots.Wmi;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.VolumeSnapshots;

/// <summary>Against a double of WMI: the real one was never asked.</summary>
public sealed class WmiSnapshotProviderTests : IDisposable
{
    private const string Root = @"\\?\Volume{00000000-0000-0000-0000-000000000004}\";

    private readonly TemporaryDirectory _directory = new();
    private readonly WmiDouble _wmi = new();
    private readonly VolumeDouble _volumes = new();
    private readonly List<string> _log = [];

    private static readonly VolumeDescription s_volume = new()
    {
        Name = "D:",
        DevicePath = @"\\.\D:",
        Kind = VolumeKind.WindowsVolume,
        SizeBytes = 1000,
        MountPoints = [@"D:\"],
        Aliases = [Root],
        MountedFileSystem = "NTFS",
    };

    private WmiSnapshotProvider Provider => new(_wmi, () => _volumes, _directory.Path) { RetryPause = TimeSpan.FromMilliseconds(1) };

    [Fact]
    public void A_copy_is_made_read_and_deleted()
    {
        _volumes.Add(WmiDouble.Device, [9, 8, 7]);
        using (ISnapshotSet set = Take())
        {
            Assert.Equal(WmiDouble.Device, set.Snapshots[0].DevicePath);
            byte[] read = new byte[3];
            using (IBlockReader reader = set.Snapshots[0].OpenRead())
                Assert.Equal(3, reader.ReadAt(0, read));
            Assert.Equal([9, 8, 7], read);
            Assert.True(set.Snapshots[0].QueryState().IsValid);
            Assert.Contains("crash", Assert.Single(set.Warnings), StringComparison.Ordinal);
            Assert.Empty(set.Complete(succeeded: true));
        }
        NothingIsLeft();
    }

    [Theory]
    [InlineData(1u, "access is denied")]
    [InlineData(6u, "no room")]
    [InlineData(12u, "provider failed")]
    [InlineData(99u, "error 99")]
    public void A_refusal_says_why(uint code, string why)
    {
        _wmi.CreateCode = code;
        var e = Assert.Throws<ImageBackupException>(() => Take());
        Assert.Equal(ErrorId.SnapshotFailed, e.Id);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        NothingIsLeft();
    }

    [Theory]
    [InlineData("Win32_ShadowCopy.Create")]
    [InlineData("Query")]
    public void A_call_that_fails_leaves_nothing(string failing)
    {
        _wmi.OnCall = name =>
        {
            if (name == failing)
                throw new WmiException("the RPC server is unavailable");
        };
        Assert.Equal(ErrorId.SnapshotFailed, Assert.Throws<ImageBackupException>(() => Take()).Id);
        _wmi.OnCall = null;
        NothingIsLeft();
    }

    [Fact]
    public void Another_copy_being_made_is_waited_for()
    {
        _wmi.CreateCode = 9;
        _wmi.OnCall = _ =>
        {
            if (_wmi.Calls.Count == 3)
                _wmi.CreateCode = 0;
        };
        Take().Dispose();
        NothingIsLeft();
    }

    [Fact]
    public void A_copy_that_comes_too_late_is_deleted()
    {
        using var mayGoOn = new ManualResetEventSlim();
        _wmi.OnCall = name =>
        {
            if (name == "Win32_ShadowCopy.Create")
                mayGoOn.Wait(TimeSpan.FromSeconds(60));
        };
        Assert.Throws<ImageBackupException>(() => Provider.Create([s_volume], new SnapshotOptions { Timeout = TimeSpan.FromMilliseconds(100) }, _log.Add, CancellationToken.None));
        mayGoOn.Set();
        Assert.True(SpinWait.SpinUntil(() => _wmi.Calls.Contains("Delete"), TimeSpan.FromSeconds(60)));
        Assert.True(SpinWait.SpinUntil(() => _wmi.Copies.Count == 0, TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void Cancelled_while_it_is_made()
    {
        using var cancel = new CancellationTokenSource();
        _wmi.OnCall = name =>
        {
            if (name == "Win32_ShadowCopy.Create")
                cancel.Cancel();
        };
        Assert.ThrowsAny<OperationCanceledException>(() => Provider.Create([s_volume], new SnapshotOptions(), _log.Add, cancel.Token));
        Assert.True(SpinWait.SpinUntil(() => _wmi.Copies.Count == 0, TimeSpan.FromSeconds(60)));
        NothingIsLeft();
    }

    [Fact]
    public void A_copy_that_Windows_deleted_is_not_valid()
    {
        using ISnapshotSet set = Take();
        _wmi.Copies.Clear();
        Assert.Contains("storage area", set.Snapshots[0].QueryState().Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_cannot_be_deleted_is_found_by_the_next_run()
    {
        ISnapshotSet set = Take();
        _wmi.OnCall = name =>
        {
            if (name == "Delete")
                throw new WmiException("busy");
        };
        set.Dispose();
        OrphanSnapshot left = Assert.Single(Provider.FindOrphans());
        Assert.Equal(("WMI", Assert.Single(_wmi.Copies), "D:"), (left.Provider, left.Name, left.VolumeName));
        Assert.Equal(ErrorId.SnapshotFailed, Assert.Throws<ImageBackupException>(() => Provider.Remove(left, _log.Add)).Id);
        _wmi.OnCall = null;
        Provider.Remove(Assert.Single(Provider.FindOrphans()), _log.Add);
        NothingIsLeft();
    }

    [Fact]
    public void Why_it_cannot_be_used_is_told()
    {
        _wmi.WhyNot = "this system has no WMI";
        Assert.Equal(_wmi.WhyNot, Provider.CheckMachine(new SnapshotOptions()).WhyNot);
        Assert.NotNull(new ManagementWmi().WhyNotUsable());
        Assert.True(Provider.CheckVolume(s_volume, new SnapshotOptions()).IsUsable);
        Assert.False(Provider.CheckVolume(s_volume with { MountedFileSystem = "FAT32" }, new SnapshotOptions()).IsUsable);
        Assert.False(Provider.CheckVolume(s_volume with { Kind = VolumeKind.BlockDevice }, new SnapshotOptions()).IsUsable);
    }

    [Fact]
    public void Shadow_storage_is_made_then_changed_and_never_moved()
    {
        var storage = new ShadowStorage(_wmi, TimeSpan.FromSeconds(60));
        VolumeDescription other = s_volume with { Name = "E:", Aliases = [@"\\?\Volume{00000000-0000-0000-0000-000000000005}\"] };
        storage.Set(s_volume, null, 20);
        Assert.Equal((Root, Root, "200"), Assert.Single(_wmi.Storage));
        storage.Set(s_volume, s_volume, 50);
        Assert.Equal((Root, Root, "500"), Assert.Single(_wmi.Storage));
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => storage.Set(s_volume, other, 50)).Id);
        _wmi.CreateCode = 4;
        Assert.Equal(ErrorId.SnapshotFailed, Assert.Throws<ImageBackupException>(() => storage.Set(other, null, 50)).Id);
    }

    public void Dispose() => _directory.Dispose();

    private ISnapshotSet Take() => Provider.Create([s_volume], new SnapshotOptions(), _log.Add, CancellationToken.None);

    private void NothingIsLeft()
    {
        Assert.Empty(_wmi.Copies);
        Assert.Empty(Directory.GetFiles(_directory.Path));
    }
}
