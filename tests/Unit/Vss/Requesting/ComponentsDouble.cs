using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Vss.Requester;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Tests.Unit.Vss.Requesting;

/// <summary>A VSS for the requester: it records the calls of all its objects, and can be told to fail, to wait and never to end.</summary>
internal sealed class ComponentsDouble
{
    private readonly object _gate = new();
    private readonly List<string> _calls = [];

    public static readonly Guid Registry = Guid.Parse("afbab4a2-367d-4d15-a586-71dbb18f8485");

    public IReadOnlyList<string> Calls
    {
        get
        {
            lock (_gate)
                return [.. _calls];
        }
    }

    /// <summary>The call that fails, and its HRESULT.</summary>
    public (string Call, int Result)? Failure { get; set; }

    /// <summary>What an operation ends with; null: never, until it is cancelled.</summary>
    public Func<string, int?> Result { get; set; } = _ => 0;

    public Action<string> OnCall { get; set; } = _ => { };
    public IReadOnlyList<WriterMetadata> Writers { get; set; } = [Writer("Registry Writer", new WriterMetadataComponent(2, "", "Registry", "", true, [new WriterFile(@"D:\Windows", true)]))];
    public Func<IReadOnlyList<WriterReport>>? States { get; set; }
    public bool HasSet { get; private set; }
    public bool IsInProgress { get; private set; }
    public int OpenObjects { get; private set; }

    public static WriterMetadata Writer(string name, params WriterMetadataComponent[] components) =>
        new(Registry, Guid.Parse("22222222-2222-3333-4444-555555555555"), name, $"<WRITER name=\"{name}\"/>", components);

    public IBackupComponents Create()
    {
        Begin("CreateVssBackupComponents");
        OpenObjects++;
        return new Components(this);
    }

    private void Begin(string call)
    {
        lock (_gate)
            _calls.Add(call);
        OnCall(call);
        if (Failure is { } failure && failure.Call == call)
            throw new VssFailureException(VssResult.KindOf(failure.Result), $"{call}: {VssResult.Describe(failure.Result)}", failure.Result);
    }

    private sealed class Components(ComponentsDouble vss) : IBackupComponents
    {
        private Guid _set;

        public void InitializeForBackup() => vss.Begin("InitializeForBackup");
        public void SetContext(int context) => vss.Begin($"SetContext {context}");
        public void SetBackupState(bool selectsComponents, int backupType) => vss.Begin($"SetBackupState {selectsComponents} {backupType}");
        public void EnableWriterClasses(Guid[] classes) => vss.Begin("EnableWriterClasses");
        public void DisableWriterClasses(Guid[] classes) => vss.Begin("DisableWriterClasses");
        public IAsyncStep GatherWriterMetadata() => Step("GatherWriterMetadata");

        public IReadOnlyList<WriterMetadata> ReadWriterMetadata()
        {
            vss.Begin("ReadWriterMetadata");
            return vss.Writers;
        }

        public Guid StartSnapshotSet()
        {
            vss.Begin("StartSnapshotSet");
            vss.IsInProgress = true;
            return _set = Guid.NewGuid();
        }

        public Guid AddToSnapshotSet(string volume)
        {
            vss.Begin("AddToSnapshotSet " + volume);
            return Guid.NewGuid();
        }

        public void AddComponent(WriterMetadata writer, WriterMetadataComponent component) => vss.Begin("AddComponent " + component.Path);
        public IAsyncStep PrepareForBackup() => Step("PrepareForBackup");
        public IAsyncStep GatherWriterStatus() => Step("GatherWriterStatus");

        public IReadOnlyList<WriterReport> ReadWriterStatus()
        {
            vss.Begin("ReadWriterStatus");
            return vss.States?.Invoke() ?? [.. vss.Writers.Select(writer => new WriterReport(writer.ClassId, writer.InstanceId, writer.Name, 1, 0, []))];
        }

        public IAsyncStep DoSnapshotSet()
        {
            IAsyncStep step = Step("DoSnapshotSet");
            vss.HasSet = true;
            vss.IsInProgress = false;
            return step;
        }

        public SnapshotAnswer GetSnapshotProperties(Guid snapshot)
        {
            vss.Begin("GetSnapshotProperties");
            return new SnapshotAnswer(@"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy7", new DateTime(2026, 3, 4, 5, 6, 7, DateTimeKind.Utc).ToFileTimeUtc(), vss.HasSet ? 12 : 14);
        }

        public string SaveAsXml()
        {
            vss.Begin("SaveAsXml");
            return "<BACKUP_COMPONENTS/>";
        }

        public void SetBackupSucceeded(WriterMetadata writer, WriterMetadataComponent component, bool hasSucceeded) => vss.Begin($"SetBackupSucceeded {component.Path} {hasSucceeded}");
        public IAsyncStep BackupComplete() => Step("BackupComplete");

        public void AbortBackup()
        {
            vss.Begin("AbortBackup");
            vss.IsInProgress = false;
        }

        public void DeleteSnapshotSet(Guid set)
        {
            vss.Begin("DeleteSnapshotSet");
            if (set != _set || !vss.HasSet)
                throw new VssFailureException(FailureKind.Hopeless, "DeleteSnapshots: it is not there", VssResult.ObjectNotFound);
            vss.HasSet = false;
        }

        public bool IsVolumeSupported(string volume)
        {
            vss.Begin("IsVolumeSupported");
            return volume == @"D:\";
        }

        public void Dispose()
        {
            vss.OpenObjects--;
            // A set of a context that is not persistent goes with its object.
            vss.IsInProgress = false;
        }

        private Operation Step(string call)
        {
            vss.Begin(call);
            return new Operation(() => vss.Result(call));
        }
    }

    private sealed class Operation(Func<int?> result) : IAsyncStep
    {
        private bool _isCancelled;

        public int? Query() => Volatile.Read(ref _isCancelled) ? VssResult.AsyncCancelled : result();
        public void Cancel() => Volatile.Write(ref _isCancelled, true);
        public void Dispose()
        {
        }
    }
}
