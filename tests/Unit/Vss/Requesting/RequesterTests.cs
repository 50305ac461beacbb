using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Vss;
using ImageBackup.Vss.Requester;
using ImageBackup.Vss.Requester.Protocol;
using ImageBackup.Vss.Requesting;
using Xunit;

namespace ImageBackup.Tests.Unit.Vss.Requesting;

/// <summary>The requester and the module's end of its pipe, with a double of VSS behind it. Wine/Vss has the native calls.</summary>
public sealed class RequesterTests : IDisposable
{
    private const int Retryable = unchecked((int)0x800423F3);
    private const int InProgress = unchecked((int)0x80042316);
    private const int Unexpected = unchecked((int)0x80042302);

    private readonly TemporaryDirectory _directory = new();
    private readonly ComponentsDouble _vss = new();
    private readonly VolumeDouble _volumes = new();
    private readonly List<string> _log = [];
    private readonly List<RequesterRig> _rigs = [];

    public RequesterTests() => _volumes.Add(@"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy7", [1, 2, 3, 4]);

    public static TheoryData<string> CallsOfATaking =>
    [
        "SetBackupState True 5", "GatherWriterMetadata", "ReadWriterMetadata", "StartSnapshotSet", @"AddToSnapshotSet D:\", "AddComponent Registry", "PrepareForBackup",
        "GatherWriterStatus", "ReadWriterStatus", "DoSnapshotSet", "GetSnapshotProperties", "SaveAsXml",
    ];

    private VssSnapshotProvider Provider => new(
        records => [new Unusable(), new RequesterBinding(() => _volumes, records, _ => Rig().Connect(), () => null)], _directory.Path) { RetryPause = TimeSpan.FromMilliseconds(10) };

    private static SnapshotOptions Options => new() { Timeout = TimeSpan.FromSeconds(30), WriterRetries = 2 };

    [Fact]
    public void The_second_binding_is_taken_and_told()
    {
        SnapshotSupport support = Provider.CheckMachine(Options);
        Assert.True(support.IsUsable);
        Assert.Equal("by the module's own requester; not by AlphaVSS: it is not there", support.Detail);
        Assert.True(Provider.CheckVolume(Volume("D:"), Options).IsUsable);
        Assert.Contains("VSS does not support 'E:'", Provider.CheckVolume(Volume("E:"), Options).WhyNot, StringComparison.Ordinal);
    }

    [Fact]
    public void A_set_is_taken_completed_and_deleted()
    {
        using (ISnapshotSet set = Take())
        {
            Assert.True(_vss.HasSet);
            Assert.True(set.Snapshots[0].QueryState().IsValid);
            Assert.Equal(["writer-afbab4a2-367d-4d15-a586-71dbb18f8485-22222222-2222-3333-4444-555555555555.xml", "components.xml"], set.Documents.Select(document => document.Name));
            Assert.Equal(new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero), set.Time.ToUniversalTime());
            Assert.Empty(set.Complete(succeeded: true));
        }
        Assert.Equal(["SetBackupSucceeded Registry True", "BackupComplete", "GatherWriterStatus", "ReadWriterStatus", "DeleteSnapshotSet"], _vss.Calls.SkipWhile(call => call != "SetBackupSucceeded Registry True"));
        NothingIsLeft();
    }

    [Fact]
    public void A_set_that_is_not_completed_is_aborted()
    {
        using (ISnapshotSet set = Take())
            Assert.Empty(set.Complete(succeeded: false));
        Assert.Equal(["AbortBackup", "DeleteSnapshotSet"], _vss.Calls.TakeLast(2));
        NothingIsLeft();
    }

    [Theory]
    [MemberData(nameof(CallsOfATaking))]
    public void A_call_that_fails_is_named_and_all_is_undone(string call)
    {
        _vss.Failure = (call, Unexpected);
        var error = Assert.Throws<ImageBackupException>(Take);
        Assert.Equal(ErrorId.SnapshotFailed, error.Id);
        Assert.Contains(call, error.Message, StringComparison.Ordinal);
        Assert.Contains("0x80042302", error.Message, StringComparison.Ordinal);
        Assert.Equal(_vss.Calls.Contains("StartSnapshotSet") && call != "StartSnapshotSet", _vss.Calls.Contains("AbortBackup"));
        NothingIsLeft();
    }

    [Theory]
    [InlineData("GatherWriterMetadata")]
    [InlineData("PrepareForBackup")]
    [InlineData("GatherWriterStatus")]
    [InlineData("DoSnapshotSet")]
    public void An_operation_that_never_ends_is_cancelled(string call)
    {
        _vss.Result = name => name == call ? null : 0;
        var error = Assert.Throws<ImageBackupException>(() => Provider.Create([Volume("D:")], Options with { Timeout = TimeSpan.FromMilliseconds(200) }, _log.Add, CancellationToken.None));
        Assert.Contains($"{call}: it did not end within 0.2 s", error.Message, StringComparison.Ordinal);
        NothingIsLeft();
    }

    [Theory]
    [InlineData(Retryable, 3)]
    [InlineData(Unexpected, 1)]
    public void A_failure_that_may_pass_is_tried_again(int result, int attempts)
    {
        _vss.Failure = ("DoSnapshotSet", result);
        Assert.Throws<ImageBackupException>(Take);
        Assert.Equal(attempts, _vss.Calls.Count(call => call == "DoSnapshotSet"));
        NothingIsLeft();
    }

    [Fact]
    public void Another_set_in_progress_is_waited_for()
    {
        _vss.Failure = ("StartSnapshotSet", InProgress);
        int count = 0;
        _vss.OnCall = call =>
        {
            if (call == "StartSnapshotSet" && ++count == 5)
                _vss.Failure = null;
        };
        Take().Dispose();
        Assert.Equal(5, count);
        NothingIsLeft();
    }

    [Fact]
    public void A_failed_writer_with_data_elsewhere_is_a_warning_and_one_with_data_here_a_failure()
    {
        _vss.States = () => [.. _vss.Writers.Select(writer => new WriterReport(writer.ClassId, writer.InstanceId, writer.Name, 9, unchecked((int)0x800423F4), []))];
        var error = Assert.Throws<ImageBackupException>(Take);
        Assert.Contains("'Registry Writer' failed at the freeze: it would fail again", error.Message, StringComparison.Ordinal);
        _vss.Writers = [ComponentsDouble.Writer("Other", new WriterMetadataComponent(2, "", "Data", "", true, [new WriterFile(@"E:\data", true)]))];
        using ISnapshotSet set = Take();
        Assert.Contains("None of its data lies on", Assert.Single(set.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_writer_that_says_nothing_is_a_warning()
    {
        _vss.States = () => [];
        using ISnapshotSet set = Take();
        Assert.Contains("'Registry Writer' did not say how it took part", Assert.Single(set.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GatherWriterMetadata")]
    [InlineData("PrepareForBackup")]
    [InlineData("DoSnapshotSet")]
    public void A_cancellation_undoes_all(string call)
    {
        using var cancellation = new CancellationTokenSource();
        _vss.Result = name => name == call ? null : 0;
        _vss.OnCall = name =>
        {
            if (name == call)
                cancellation.Cancel();
        };
        Assert.ThrowsAny<OperationCanceledException>(() => Provider.Create([Volume("D:")], Options, _log.Add, cancellation.Token));
        NothingIsLeft();
    }

    [Theory]
    [InlineData("GatherWriterMetadata")]
    [InlineData("PrepareForBackup")]
    [InlineData("DoSnapshotSet")]
    [InlineData("held")]
    public async Task A_pipe_that_breaks_undoes_all(string phase)
    {
        using var reached = new ManualResetEventSlim();
        _vss.Result = name => name == phase ? null : 0;
        _vss.OnCall = name =>
        {
            if (name == phase || (phase == "held" && name == "SaveAsXml"))
                reached.Set();
        };
        RequesterRig rig = Rig();
        var pipe = new FramePipe(rig.Answers, rig.Questions);
        pipe.SayHello();
        pipe.Write(Request(@"D:\").Write());
        var reader = Task.Run(() =>
        {
            pipe.ExpectHello();
            while (pipe.Read() is { } answer)
            {
                if (answer.Kind == MessageKind.SetStarted)
                    pipe.Write(new FrameWriter(MessageKind.SetNoted));
                if (answer.Kind == MessageKind.Taken)
                    return;
            }
        });
        Assert.True(reached.Wait(TimeSpan.FromSeconds(30)));
        if (phase == "held")
            await reader;
        rig.Questions.Dispose();
        Assert.Null(await rig.Ended.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(phase != "GatherWriterMetadata", _vss.Calls.Contains("AbortBackup"));
        Assert.False(_vss.HasSet);
        Assert.False(_vss.IsInProgress);
        Assert.Equal(0, _vss.OpenObjects);
    }

    [Fact]
    public async Task A_requester_that_is_gone_makes_the_snapshot_invalid_and_its_record_stays()
    {
        ISnapshotSet set = Take();
        _rigs[^1].Questions.Dispose();
        await _rigs[^1].Ended.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.False(set.Snapshots[0].QueryState().IsValid);
        Assert.Single(set.Complete(succeeded: true));
        set.Dispose();
        OrphanSnapshot orphan = Assert.Single(Provider.FindOrphans());
        Provider.Remove(orphan, _log.Add);
        NothingIsLeft();
    }

    [Fact]
    public void A_writer_that_is_named_and_missing_is_told_with_those_that_are_there()
    {
        var error = Assert.Throws<ImageBackupException>(() => Provider.Create([Volume("D:")], Options with { IncludeWriters = ["SqlServerWriter"] }, _log.Add, CancellationToken.None));
        Assert.Contains("this machine has no VSS writer 'SqlServerWriter'; it has 'Registry Writer'", error.Message, StringComparison.Ordinal);
        NothingIsLeft();
    }

    [Fact]
    public void Writers_are_enabled_and_disabled_by_class()
    {
        Provider.Create([Volume("D:")], Options with { IncludeWriters = ["registry writer"] }, _log.Add, CancellationToken.None).Dispose();
        Provider.Create([Volume("D:")], Options with { ExcludeWriters = [ComponentsDouble.Registry.ToString()] }, _log.Add, CancellationToken.None).Dispose();
        Assert.Contains("EnableWriterClasses", _vss.Calls);
        Assert.Contains("DisableWriterClasses", _vss.Calls);
        NothingIsLeft();
    }

    [Fact]
    public void The_writers_are_listed()
    {
        SnapshotWriter writer = Assert.Single(Provider.ListWriters(Options, CancellationToken.None));
        Assert.Equal("Registry Writer: stable", writer.ToString());
        Assert.Equal(["Registry"], writer.Components);
        Assert.Null(writer.Failure);
    }

    [Theory]
    [InlineData(@"D:\Windows", false, true)]
    [InlineData(@"E:\data", true, false)]
    [InlineData(@"\\server\share", false, true)]
    [InlineData("", false, true)]
    [InlineData(@"C:\", true, true)]
    [InlineData(@"C:\", false, false)]
    public void A_component_is_selected_if_no_file_of_it_lies_elsewhere(string directory, bool isRecursive, bool isSelected)
    {
        WriterMetadata writer = ComponentsDouble.Writer("W", new WriterMetadataComponent(1, "", "Top", "", true, []), new WriterMetadataComponent(1, "Top", "Leaf", "", true, [new WriterFile(directory, isRecursive)]));
        Assert.Equal(isSelected ? ["Top"] : Array.Empty<string>(), ComponentSelection.Of(writer, [@"D:\", @"C:\mnt\d\"]).Select(component => component.Path));
    }

    [Theory]
    [InlineData(true, Architecture.X64, Architecture.X64, null)]
    [InlineData(true, Architecture.Arm64, Architecture.Arm64, null)]
    [InlineData(true, Architecture.X86, Architecture.X64, "a 32-bit process cannot use the VSS of a 64-bit Windows")]
    [InlineData(true, Architecture.X86, Architecture.Arm64, "a 32-bit process cannot use the VSS of a 64-bit Windows")]
    [InlineData(true, Architecture.X86, Architecture.X86, "the requester is for x64 and ARM64")]
    [InlineData(true, Architecture.X64, Architecture.Arm64, "a process for X64 cannot use the VSS of Windows for Arm64")]
    [InlineData(false, Architecture.X64, Architecture.X64, "this system is not Windows")]
    public void A_process_that_cannot_have_one_is_told(bool isWindows, Architecture process, Architecture system, string? said) =>
        Assert.StartsWith(said ?? "", RequesterLauncher.WhyNot(isWindows, process, system) ?? (said is null ? "" : "nothing"), StringComparison.Ordinal);

    [Fact]
    public void Writers_are_told_that_it_is_their_backup_if_the_class_says_so()
    {
        using ISnapshotSet set = Provider.Create([Volume("D:")], Options with { BackupType = SnapshotBackupType.Full }, _log.Add, CancellationToken.None);
        Assert.Contains("SetBackupState True 1", _vss.Calls);
    }

    [Fact]
    public void Without_writers_the_file_system_alone_is_flushed()
    {
        using ISnapshotSet set = Provider.Create([Volume("D:")], Options with { ExcludeWriters = ["*"] }, _log.Add, CancellationToken.None);
        Assert.Equal([SnapshotOptions.WithoutWritersWarning], set.Warnings);
        Assert.Empty(((IWriterSnapshotSet)set).Writers);
        Assert.Contains("SetContext 16", _vss.Calls);
        Assert.Contains("SetBackupState False 5", _vss.Calls);
        Assert.DoesNotContain("GatherWriterMetadata", _vss.Calls);
    }

    [Fact]
    public void The_set_tells_which_writers_and_components_are_in_it()
    {
        _vss.Writers = [ComponentsDouble.Writer("W", new WriterMetadataComponent(2, "", "Here", "", true, [new WriterFile(@"D:\a", true)]), new WriterMetadataComponent(2, "", "There", "", true, [new WriterFile(@"E:\a", true)]))];
        using ISnapshotSet set = Take();
        SnapshotWriter writer = Assert.Single(((IWriterSnapshotSet)set).Writers);
        Assert.Equal(("W", "stable"), (writer.Name, writer.State));
        Assert.Equal(["Here"], writer.Components);
    }

    /// <summary>Frames of every kind with bytes of any kind, whole and cut short: the requester ends, and holds nothing.</summary>
    [Fact]
    public void Hostile_bytes_end_the_requester_and_leave_nothing()
    {
        var fuzzer = new ParserFuzzer(RequesterFuzz.Target);
        for (int number = 0; number < 150; number++)
            fuzzer.Run(number);
        Assert.NotEqual(0, fuzzer.RefusedCount);
    }

    [Fact]
    public async Task Another_version_is_refused()
    {
        RequesterRig rig = Rig();
        var pipe = new FramePipe(rig.Answers, rig.Questions);
        pipe.Write(new FrameWriter(MessageKind.Hello).Add("ImageBackup.Vss").Add(2));
        Assert.Contains("speaks version 2", await rig.Ended.WaitAsync(TimeSpan.FromSeconds(30)), StringComparison.Ordinal);
    }

    [Fact]
    public void Messages_come_back_as_they_were_written()
    {
        var set = new TakenSet(Guid.NewGuid(), [new TakenCopy(Guid.NewGuid(), "device", long.MaxValue)], [new TakenDocument("a.xml", "é€")],
            [new WriterReport(Guid.NewGuid(), Guid.NewGuid(), "W", 9, unchecked((int)0x800423F4), [new WriterComponent(@"a\b", "caption", true)])], ["warning"]);
        TakenSet read = TakenSet.Read(Frame(set.Write()));
        Assert.Equal(set.Set, read.Set);
        Assert.Equal(set.Copies, read.Copies);
        Assert.Equal(set.Documents, read.Documents);
        Assert.Equal(set.Writers[0].Components, read.Writers[0].Components);
        Assert.Equal(set.Writers[0].Failure, read.Writers[0].Failure);
        Assert.Equal(set.Warnings, read.Warnings);
    }

    public void Dispose()
    {
        foreach (RequesterRig rig in _rigs)
            rig.Dispose();
        _directory.Dispose();
    }

    private static FrameReader Frame(FrameWriter writer)
    {
        using var stream = new MemoryStream(writer.ToBytes());
        return new FramePipe(stream, Stream.Null).Read()!;
    }

    private static TakeRequest Request(string volume) => new()
    {
        Volumes = [volume], Roots = [[volume]], WithWriters = true, IsFull = false, IncludeWriters = [], ExcludeWriters = [], TimeoutMilliseconds = 60_000,
    };

    private static VolumeDescription Volume(string letter) => new() { Name = letter, DevicePath = @"\\.\" + letter, Kind = VolumeKind.WindowsVolume, SizeBytes = 4, MountPoints = [letter + "\\"] };

    private ISnapshotSet Take() => Provider.Create([Volume("D:")], Options, _log.Add, CancellationToken.None);

    private RequesterRig Rig()
    {
        var rig = new RequesterRig(_vss);
        _rigs.Add(rig);
        return rig;
    }

    private void NothingIsLeft()
    {
        Assert.False(_vss.HasSet);
        Assert.False(_vss.IsInProgress);
        Assert.Empty(Provider.FindOrphans());
        Assert.True(SpinWait.SpinUntil(() => _vss.OpenObjects == 0, TimeSpan.FromSeconds(30)));
    }

    private sealed class Unusable : IVssBinding
    {
        public string Name => "AlphaVSS";
        public string? WhyNotUsable() => "it is not there";
        public ISnapshotSet Take(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log, CancellationToken cancellation) => throw new InvalidOperationException();
        public bool IsSupported(string root, TimeSpan timeout) => throw new InvalidOperationException();
        public void DeleteLeft(IReadOnlyDictionary<string, string> values, Action<string> log) => throw new InvalidOperationException();
        public IReadOnlyList<SnapshotWriter> ListWriters(TimeSpan timeout, CancellationToken cancellation) => throw new InvalidOperationException();
    }
}
