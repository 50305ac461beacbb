using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Alphaleonis.Win32.Vss;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Vss;
using Xunit;

namespace ImageBackup.Tests.Unit.Vss;

public sealed class VssSnapshotProviderTests : IDisposable
{
    private static readonly string[] s_asyncs = ["GatherWriterMetadataAsync", "PrepareForBackupAsync", "GatherWriterStatusAsync", "DoSnapshotSetAsync"];

    /// <summary>What a backup of one volume calls until its snapshot stands.</summary>
    private static readonly string[] s_order =
    [
        "CreateVssBackupComponents", "InitializeForBackup", "SetContext", "SetBackupState", "GatherWriterMetadataAsync", "get_WriterMetadata",
        "StartSnapshotSet", "AddToSnapshotSet", "PrepareForBackupAsync", "GatherWriterStatusAsync", "get_WriterStatus", "DoSnapshotSetAsync",
        "GatherWriterStatusAsync", "get_WriterStatus", "GetSnapshotProperties", "SaveAsXml",
    ];

    public static TheoryData<string> CallsOfATaking => [.. s_order.Distinct()];
    public static TheoryData<string> Asyncs => [.. s_asyncs];

    private readonly TemporaryDirectory _directory = new();
    private readonly VssScript _vss = new();
    private readonly VolumeDouble _volumes = new();
    private readonly List<string> _log = [];

    public VssSnapshotProviderTests() => _volumes.Add(@"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy7", [1, 2, 3, 4]);

    private VssSnapshotProvider Provider => new(_vss, () => _volumes, _directory.Path) { RetryPause = TimeSpan.FromMilliseconds(1) };

    private static SnapshotOptions Options => new() { Timeout = TimeSpan.FromSeconds(60) };

    [Fact]
    public void The_calls_come_in_the_documented_order()
    {
        using (ISnapshotSet set = Take())
        {
            Assert.Equal(s_order, _vss.Calls);
            Assert.Empty(set.Complete(succeeded: true));
            Assert.Equal(["BackupCompleteAsync", "GatherWriterStatusAsync", "get_WriterStatus"], _vss.Calls.Skip(s_order.Length));
        }
        Assert.Equal(["DeleteSnapshotSet", "Dispose"], _vss.Calls.Skip(s_order.Length + 3));
        NothingIsLeft();
    }

    [Fact]
    public void The_documents_the_time_and_the_device_come_with_the_set()
    {
        using ISnapshotSet set = Take();
        Assert.Equal("VSS", set.ProviderName);
        Assert.Equal(new DateTime(2026, 3, 4, 5, 6, 7), set.Time.DateTime);
        Assert.Equal(@"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy7", set.Snapshots[0].DevicePath);
        Assert.Equal(
            [$"writer-{VssScript.RegistryWriter}-22222222-2222-3333-4444-555555555555.xml", $"writer-{VssScript.SqlWriter}-11111111-2222-3333-4444-555555555555.xml", "components.xml"],
            set.Documents.Select(document => document.Name));
        Assert.Equal("<BACKUP_COMPONENTS/>", Encoding.UTF8.GetString(set.Documents[^1].Content));
        byte[] read = new byte[4];
        using (IBlockReader reader = set.Snapshots[0].OpenRead())
            Assert.Equal(4, reader.ReadAt(0, read));
        Assert.Equal([1, 2, 3, 4], read);
    }

    [Fact]
    public void Two_volumes_are_of_one_set()
    {
        using (ISnapshotSet set = Provider.Create([Volume("D:"), Volume("E:")], Options, _log.Add, CancellationToken.None))
        {
            Assert.Equal(["D:", "E:"], set.Snapshots.Select(snapshot => snapshot.Volume.Name));
            Assert.Equal(1, _vss.Count("StartSnapshotSet"));
            Assert.Equal(2, _vss.Count("AddToSnapshotSet"));
            Assert.Equal(1, _vss.Count("DoSnapshotSetAsync"));
        }
        NothingIsLeft();
    }

    [Fact]
    public void The_second_volume_failing_fails_the_set()
    {
        _vss.OnCall = (name, number) => FailAt(name, "AddToSnapshotSet", number, 2);
        var e = Assert.Throws<ImageBackupException>(() => Provider.Create([Volume("D:"), Volume("E:")], Options, _log.Add, CancellationToken.None));
        Assert.Equal(ErrorId.SnapshotFailed, e.Id);
        Assert.Contains("'D:', 'E:'", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, _vss.Count("AbortBackup"));
        NothingIsLeft();
    }

    [Theory]
    [MemberData(nameof(CallsOfATaking))]
    public void Each_call_failing_leaves_nothing(string failing)
    {
        _vss.OnCall = (name, number) => FailAt(name, failing, number, 1);
        Assert.Equal(ErrorId.SnapshotFailed, Assert.Throws<ImageBackupException>(() => Take().Dispose()).Id);
        AbortedWhereBegun(failing);
        NothingIsLeft();
    }

    /// <summary>A thing that never ends, and does not listen when it is told to.</summary>
    [Theory]
    [MemberData(nameof(Asyncs))]
    public void Each_operation_that_never_ends_times_out(string stuck)
    {
        var never = new TaskCompletionSource();
        _vss.OnWait = (name, _, stop) =>
        {
            stop.Register(() => never.TrySetCanceled(stop));
            return name == stuck ? never.Task : Task.CompletedTask;
        };
        var e = Assert.Throws<ImageBackupException>(() => Provider.Create([Volume("D:")], Options with { Timeout = TimeSpan.FromSeconds(2) }, _log.Add, CancellationToken.None));
        Assert.Equal(ErrorId.SnapshotFailed, e.Id);
        Assert.Contains("did not end within 2 s", e.Message, StringComparison.Ordinal);
        AbortedWhereBegun(stuck);
        NothingIsLeft();
    }

    [Fact]
    public void An_operation_that_does_not_even_listen_is_left_behind()
    {
        var never = new TaskCompletionSource();
        _vss.OnWait = (name, _, _) => name == "DoSnapshotSetAsync" ? never.Task : Task.CompletedTask;
        Assert.Throws<ImageBackupException>(() => Provider.Create([Volume("D:")], Options with { Timeout = TimeSpan.FromSeconds(1) }, _log.Add, CancellationToken.None));
        Assert.Equal(1, _vss.Count("AbortBackup"));
        never.SetResult();
        NothingIsLeft();
    }

    [Theory]
    [MemberData(nameof(CallsOfATaking))]
    public void Cancelling_in_each_phase_undoes_it(string phase)
    {
        using var cancel = new CancellationTokenSource();
        _vss.OnCall = (name, _) =>
        {
            if (name == phase)
                cancel.Cancel();
        };
        Assert.ThrowsAny<OperationCanceledException>(() => Provider.Create([Volume("D:")], Options, _log.Add, cancel.Token).Dispose());
        // When the last call ends, the set may have come back or not: a caller that waits no more must find nothing either way.
        SpinWait.SpinUntil(() => _vss.OpenObjects == 0 && _vss.InProgress is null, TimeSpan.FromSeconds(60));
        NothingIsLeft();
    }

    [Theory]
    [InlineData(VssError.WriterErrorRetryable)]
    [InlineData(VssError.WriterTimeout)]
    [InlineData(VssError.WriterOutOfResources)]
    public void A_writer_that_may_succeed_is_tried_again_with_a_new_object(VssError failure)
    {
        _vss.Status = number => [VssScript.Writer(number == 1 ? VssWriterState.FailedAtFreeze : VssWriterState.Stable, number == 1 ? failure : VssError.Success)];
        using (Take())
        {
            Assert.Equal(2, _vss.Count("CreateVssBackupComponents"));
            Assert.Equal(1, _vss.Count("AbortBackup"));
        }
        NothingIsLeft();
    }

    [Fact]
    public void A_writer_that_never_succeeds_ends_the_retries()
    {
        _vss.Status = _ => [VssScript.Writer(VssWriterState.FailedAtFreeze, VssError.WriterErrorRetryable)];
        var e = Assert.Throws<ImageBackupException>(() => Provider.Create([Volume("D:")], Options with { WriterRetries = 2 }, _log.Add, CancellationToken.None));
        Assert.Contains("'SqlServerWriter' is FailedAtFreeze (WriterErrorRetryable)", e.Message, StringComparison.Ordinal);
        Assert.Equal(3, _vss.Count("CreateVssBackupComponents"));
        Assert.Equal(3, _vss.Count("AbortBackup"));
        NothingIsLeft();
    }

    [Fact]
    public void A_writer_that_failed_for_good_is_not_tried_again()
    {
        _vss.Status = _ => [VssScript.Writer(VssWriterState.FailedAtPrepareSnapshot, VssError.WriterErrorNonRetryable)];
        Assert.Throws<ImageBackupException>(() => Take());
        Assert.Equal(1, _vss.Count("CreateVssBackupComponents"));
        NothingIsLeft();
    }

    /// <summary>What it would have quiesced is not in the image: a warning, with the image, and no attempt more.</summary>
    [Theory]
    [InlineData(VssError.WriterErrorNonRetryable, @"E:\data", @"C:\Windows\*")]
    [InlineData(VssError.WriterErrorRetryable, @"\\?\Volume{00000000-0000-0000-0000-000000000009}\data")]
    [InlineData(VssError.WriterErrorNonRetryable)]
    public void A_writer_without_data_on_the_volume_only_warns(VssError failure, params string[] files)
    {
        _vss.SqlFiles = files;
        _vss.Status = _ => [VssScript.KnownWriter(VssWriterState.FailedAtFreeze, failure)];
        using (ISnapshotSet set = Take())
        {
            Assert.Equal($"A VSS writer failed: 'SqlServerWriter' is FailedAtFreeze ({failure}). None of its data lies on D:.", Assert.Single(set.Warnings));
            Assert.Equal(1, _vss.Count("CreateVssBackupComponents"));
        }
        NothingIsLeft();
    }

    /// <summary>Files, databases and their logs; also by the volume's own name, above a folder that it is mounted in, and if nobody can tell.</summary>
    [Theory]
    [InlineData(@"d:\data")]
    [InlineData(@"E:\data", @"D:\")]
    [InlineData(@"E:\data", @"E:\more", @"D:\log")]
    [InlineData(@"\\?\Volume{00000000-0000-0000-0000-000000000003}\data")]
    [InlineData(@"C:\mnt\*")]
    [InlineData(@"C:\mnt\data\x")]
    [InlineData(@"\\server\share")]
    [InlineData("%NoSuchVariable%\\data")]
    [InlineData("")]
    public void A_writer_with_data_on_the_volume_fails_the_snapshot(params string[] files)
    {
        _vss.SqlFiles = files;
        _vss.Status = _ => [VssScript.KnownWriter(VssWriterState.FailedAtFreeze, VssError.WriterErrorNonRetryable)];
        VolumeDescription volume = Volume("D:");
        var e = Assert.Throws<ImageBackupException>(() =>
            Provider.Create([volume with { MountPoints = ["D:\\", @"C:\mnt\data\"] }], Options, _log.Add, CancellationToken.None));
        Assert.Contains("'SqlServerWriter' is FailedAtFreeze (WriterErrorNonRetryable). It can be left out with Set-SnapshotProvider -ExcludeWriter", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, _vss.Count("CreateVssBackupComponents"));
        Assert.Equal(1, _vss.Count("AbortBackup"));
        NothingIsLeft();
    }

    [Fact]
    public void A_writer_that_the_user_named_fails_the_snapshot_wherever_its_data_lies()
    {
        _vss.SqlFiles = [@"E:\data"];
        _vss.Status = _ => [VssScript.KnownWriter(VssWriterState.FailedAtFreeze, VssError.WriterErrorNonRetryable)];
        Assert.Throws<ImageBackupException>(() => Provider.Create([Volume("D:")], Options with { IncludeWriters = ["SqlServerWriter"] }, _log.Add, CancellationToken.None));
        NothingIsLeft();
    }

    /// <summary>One of a set is enough.</summary>
    [Fact]
    public void A_writer_with_data_on_one_volume_of_a_set_fails_the_set()
    {
        _vss.SqlFiles = [@"E:\data"];
        _vss.Status = _ => [VssScript.KnownWriter(VssWriterState.FailedAtFreeze, VssError.WriterErrorNonRetryable)];
        Assert.Throws<ImageBackupException>(() => Provider.Create([Volume("D:"), Volume("E:")], Options, _log.Add, CancellationToken.None));
        NothingIsLeft();
    }

    [Fact]
    public void Another_programs_set_is_waited_for()
    {
        _vss.InProgress = Guid.NewGuid();
        _vss.OnCall = (name, number) =>
        {
            if (name == "StartSnapshotSet" && number == 3)
                _vss.InProgress = null;
        };
        Take().Dispose();
        Assert.Equal(3, _vss.Count("StartSnapshotSet"));
        // It was not ours to abort.
        Assert.Equal(1, _vss.Count("AbortBackup"));
        NothingIsLeft();
    }

    [Fact]
    public void Another_programs_set_that_never_ends_is_named()
    {
        _vss.InProgress = Guid.NewGuid();
        var e = Assert.Throws<ImageBackupException>(() => Provider.Create([Volume("D:")], Options with { Timeout = TimeSpan.FromSeconds(1) }, _log.Add, CancellationToken.None));
        Assert.Contains("already in progress", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, _vss.Count("AbortBackup"));
        _vss.InProgress = null;
        NothingIsLeft();
    }

    [Fact]
    public void Without_Complete_the_set_is_aborted()
    {
        Take().Dispose();
        Assert.Equal(1, _vss.Count("AbortBackup"));
        Assert.Equal(0, _vss.Count("BackupCompleteAsync"));
        NothingIsLeft();
    }

    [Fact]
    public void A_failed_backup_is_aborted_too()
    {
        using (ISnapshotSet set = Take())
            Assert.Empty(set.Complete(succeeded: false));
        Assert.Equal(1, _vss.Count("AbortBackup"));
        NothingIsLeft();
    }

    [Fact]
    public void BackupComplete_failing_is_a_warning_and_an_abort()
    {
        _vss.OnCall = (name, number) => FailAt(name, "BackupCompleteAsync", number, 1);
        using (ISnapshotSet set = Take())
            Assert.Contains("BackupComplete", Assert.Single(set.Complete(succeeded: true)), StringComparison.Ordinal);
        Assert.Equal(1, _vss.Count("AbortBackup"));
        NothingIsLeft();
    }

    [Fact]
    public void A_writer_that_fails_at_the_end_is_a_warning()
    {
        using ISnapshotSet set = Take();
        _vss.Status = _ => [VssScript.Writer(VssWriterState.FailedAtBackupComplete, VssError.WriterErrorNonRetryable)];
        Assert.Contains("FailedAtBackupComplete", Assert.Single(set.Complete(succeeded: true)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_set_that_cannot_be_deleted_goes_with_its_object()
    {
        ISnapshotSet set = Take();
        _vss.OnCall = (name, number) => FailAt(name, "DeleteSnapshotSet", number, 1);
        set.Dispose();
        set.Dispose();
        Assert.Equal(1, _vss.Count("Dispose"));
        NothingIsLeft();
    }

    [Fact]
    public void A_copy_that_Windows_deleted_is_not_valid()
    {
        using ISnapshotSet set = Take();
        Assert.True(set.Snapshots[0].QueryState().IsValid);
        _vss.Sets.Clear();
        SnapshotState state = set.Snapshots[0].QueryState();
        Assert.False(state.IsValid);
        Assert.Contains("storage area", state.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Writers_are_left_out_by_name_before_the_metadata_is_gathered()
    {
        Provider.Create([Volume("D:")], Options with { ExcludeWriters = ["sqlserverwriter"] }, _log.Add, CancellationToken.None).Dispose();
        // The names came from an object of their own.
        Assert.Equal(2, _vss.Count("CreateVssBackupComponents"));
        Assert.Equal(1, _vss.Count("DisableWriterClasses"));
        NothingIsLeft();
    }

    [Fact]
    public void Only_the_writers_named_take_part()
    {
        Provider.Create([Volume("D:")], Options with { IncludeWriters = [VssScript.RegistryWriter.ToString()] }, _log.Add, CancellationToken.None).Dispose();
        Assert.Equal(1, _vss.Count("CreateVssBackupComponents"));
        Assert.Equal(1, _vss.Count("EnableWriterClasses"));
        NothingIsLeft();
    }

    [Fact]
    public void A_writer_that_does_not_exist_is_named()
    {
        var e = Assert.Throws<ImageBackupException>(() =>
            Provider.Create([Volume("D:")], Options with { ExcludeWriters = ["Nobody"] }, _log.Add, CancellationToken.None));
        Assert.Contains("no VSS writer 'Nobody'; it has 'Registry Writer', 'SqlServerWriter'", e.Message, StringComparison.Ordinal);
        NothingIsLeft();
    }

    [Fact]
    public void What_a_killed_run_left_is_found_named_and_removed()
    {
        // A run that never disposes is a run that was killed, but for its open record: that is let go of by hand.
        ISnapshotSet killed = Take();
        Guid set = Assert.Single(_vss.Sets);
        Assert.Empty(Provider.FindOrphans());
        string path = Assert.Single(Directory.GetFiles(_directory.Path));
        string copy = Path.Combine(_directory.Path, "vss-0" + ".held");
        File.WriteAllText(copy, $"volumes=D:\nset={set:B}\n");

        OrphanSnapshot left = Assert.Single(Provider.FindOrphans());
        Assert.Equal(new OrphanSnapshot("VSS", set.ToString("B"), "D:"), left);
        Provider.Remove(left, _log.Add);
        Assert.Empty(_vss.Sets);
        Assert.False(File.Exists(copy));
        killed.Dispose();
        Assert.False(File.Exists(path));
        NothingIsLeft();
    }

    [Fact]
    public void A_left_set_that_cannot_be_removed_stays_known()
    {
        Guid set = Guid.NewGuid();
        File.WriteAllText(Path.Combine(_directory.Path, "vss-0.held"), $"volumes=D:\nset={set:B}\n");
        _vss.OnCall = (name, number) => FailAt(name, "QuerySnapshots", number, 1);
        OrphanSnapshot left = Assert.Single(Provider.FindOrphans());
        Assert.Equal(ErrorId.SnapshotFailed, Assert.Throws<ImageBackupException>(() => Provider.Remove(left, _log.Add)).Id);
        Assert.Single(Provider.FindOrphans());
        Assert.Equal(0, _vss.OpenObjects);
    }

    [Fact]
    public void Why_VSS_cannot_be_used_is_told()
    {
        _vss.WhyNot = "AlphaVSS is not beside the module";
        Assert.Equal("AlphaVSS is not beside the module", Provider.CheckMachine(Options).WhyNot);
        Assert.Contains("not Windows", new VssSnapshotProvider().CheckMachine(Options).WhyNot, StringComparison.Ordinal);
        Assert.False(Provider.CheckVolume(new VolumeDescription { Name = "f.img", DevicePath = "f.img", Kind = VolumeKind.File, SizeBytes = 1 }, Options).IsUsable);
        Assert.True(Provider.CheckVolume(Volume("D:"), Options).IsUsable);
        NothingIsLeft();
    }

    public void Dispose() => _directory.Dispose();

    private ISnapshotSet Take() => Provider.Create([Volume("D:")], Options, _log.Add, CancellationToken.None);

    private void NothingIsLeft()
    {
        Assert.Null(_vss.InProgress);
        Assert.Empty(_vss.Sets);
        Assert.Equal(0, _vss.OpenObjects);
        Assert.Empty(Directory.GetFiles(_directory.Path));
    }

    /// <summary>AbortBackup must be called if a set was begun, and is not if none was.</summary>
    private void AbortedWhereBegun(string failing)
    {
        bool isBegun = Array.IndexOf(s_order, failing) > Array.IndexOf(s_order, "StartSnapshotSet");
        Assert.Equal(isBegun ? 1 : 0, _vss.Count("AbortBackup"));
    }

    private static void FailAt(string name, string failing, int number, int at)
    {
        if (name == failing && number == at)
            throw new InvalidOperationException($"{failing} failed (0x8000FFFF).");
    }

    private static VolumeDescription Volume(string letter) => new()
    {
        Name = letter,
        DevicePath = @"\\.\" + letter,
        Kind = VolumeKind.WindowsVolume,
        SizeBytes = 4,
        MountPoints = [letter + "\\"],
        Aliases = [$@"\\?\Volume{{00000000-0000-0000-0000-00000000000{letter[0] - 'A'}}}\"],
        MountedFileSystem = "NTFS",
    };
}
