using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester.Native;

/// <summary>IVssBackupComponents.</summary>
internal sealed unsafe class BackupComponents : ComPointer, IBackupComponents
{
    private const int ObjectSnapshotSet = 2;
    private const uint MostWriters = 4096;

    private readonly delegate* unmanaged[Stdcall]<SnapshotProperties*, void> _freeProperties;

    public BackupComponents(IntPtr pointer, delegate* unmanaged[Stdcall]<SnapshotProperties*, void> freeProperties)
        : base(pointer) => _freeProperties = freeProperties;

    public void InitializeForBackup()
    {
        var call = (delegate* unmanaged[Stdcall]<void*, void*, int>)Method(Slots.Components.InitializeForBackup);
        Check("InitializeForBackup", call(This, null));
    }

    public void SetContext(int context)
    {
        var call = (delegate* unmanaged[Stdcall]<void*, int, int>)Method(Slots.Components.SetContext);
        Check("SetContext", call(This, context));
    }

    public void SetBackupState(bool selectsComponents, int backupType)
    {
        var call = (delegate* unmanaged[Stdcall]<void*, byte, byte, int, byte, int>)Method(Slots.Components.SetBackupState);
        // With the system's bootable state, and whole files.
        Check("SetBackupState", call(This, selectsComponents ? (byte)1 : (byte)0, 1, backupType, 0));
    }

    public void EnableWriterClasses(Guid[] classes) => SetClasses("EnableWriterClasses", Slots.Components.EnableWriterClasses, classes);

    public void DisableWriterClasses(Guid[] classes) => SetClasses("DisableWriterClasses", Slots.Components.DisableWriterClasses, classes);

    public IAsyncStep GatherWriterMetadata() => Begin("GatherWriterMetadata", Slots.Components.GatherWriterMetadata);

    public IReadOnlyList<WriterMetadata> ReadWriterMetadata()
    {
        uint count = Count("GetWriterMetadataCount", Slots.Components.GetWriterMetadataCount);
        var writers = new List<WriterMetadata>();
        for (uint i = 0; i < count; i++)
        {
            Guid instance = default;
            void* made = null;
            var call = (delegate* unmanaged[Stdcall]<void*, uint, Guid*, void**, int>)Method(Slots.Components.GetWriterMetadata);
            Check("GetWriterMetadata", call(This, i, &instance, &made));
            using var writer = new ExaminedWriter(Given("GetWriterMetadata", made));
            writers.Add(writer.Read());
        }
        var free = (delegate* unmanaged[Stdcall]<void*, int>)Method(Slots.Components.FreeWriterMetadata);
        Check("FreeWriterMetadata", free(This));
        return writers;
    }

    public Guid StartSnapshotSet()
    {
        Guid set = default;
        var call = (delegate* unmanaged[Stdcall]<void*, Guid*, int>)Method(Slots.Components.StartSnapshotSet);
        Check("StartSnapshotSet", call(This, &set));
        return set;
    }

    public Guid AddToSnapshotSet(string volume)
    {
        Guid snapshot = default;
        int result;
        fixed (char* name = volume)
        {
            // An empty id: the provider is the system's choice.
            var call = (delegate* unmanaged[Stdcall]<void*, char*, Guid, Guid*, int>)Method(Slots.Components.AddToSnapshotSet);
            result = call(This, name, Guid.Empty, &snapshot);
        }
        Check($"AddToSnapshotSet {volume}", result);
        return snapshot;
    }

    public void AddComponent(WriterMetadata writer, WriterMetadataComponent component)
    {
        int result;
        fixed (char* path = component.LogicalPath)
        fixed (char* name = component.Name)
        {
            var call = (delegate* unmanaged[Stdcall]<void*, Guid, Guid, int, char*, char*, int>)Method(Slots.Components.AddComponent);
            result = call(This, writer.InstanceId, writer.ClassId, component.Type, component.LogicalPath.Length == 0 ? null : path, name);
        }
        Check($"AddComponent {writer.Name}: {component.Path}", result);
    }

    public IAsyncStep PrepareForBackup() => Begin("PrepareForBackup", Slots.Components.PrepareForBackup);

    public IAsyncStep GatherWriterStatus() => Begin("GatherWriterStatus", Slots.Components.GatherWriterStatus);

    public IReadOnlyList<WriterReport> ReadWriterStatus()
    {
        uint count = Count("GetWriterStatusCount", Slots.Components.GetWriterStatusCount);
        var writers = new List<WriterReport>();
        for (uint i = 0; i < count; i++)
        {
            Guid instance = default, writer = default;
            void* name = null;
            int state = 0, failure = 0;
            var call = (delegate* unmanaged[Stdcall]<void*, uint, Guid*, Guid*, void**, int*, int*, int>)Method(Slots.Components.GetWriterStatus);
            Check("GetWriterStatus", call(This, i, &instance, &writer, &name, &state, &failure));
            writers.Add(new WriterReport(writer, instance, TakeText((IntPtr)name), state, failure, []));
        }
        var free = (delegate* unmanaged[Stdcall]<void*, int>)Method(Slots.Components.FreeWriterStatus);
        Check("FreeWriterStatus", free(This));
        return writers;
    }

    public IAsyncStep DoSnapshotSet() => Begin("DoSnapshotSet", Slots.Components.DoSnapshotSet);

    public SnapshotAnswer GetSnapshotProperties(Guid snapshot)
    {
        SnapshotProperties properties = default;
        var call = (delegate* unmanaged[Stdcall]<void*, Guid, SnapshotProperties*, int>)Method(Slots.Components.GetSnapshotProperties);
        Check("GetSnapshotProperties", call(This, snapshot, &properties));
        try
        {
            return new SnapshotAnswer(Marshal.PtrToStringUni(properties.SnapshotDeviceObject) ?? "", properties.CreationTimestamp, properties.Status);
        }
        finally
        {
            _freeProperties(&properties);
        }
    }

    public string SaveAsXml()
    {
        void* xml = null;
        var call = (delegate* unmanaged[Stdcall]<void*, void**, int>)Method(Slots.Components.SaveAsXml);
        Check("SaveAsXML", call(This, &xml));
        return TakeText((IntPtr)xml);
    }

    public void SetBackupSucceeded(WriterMetadata writer, WriterMetadataComponent component, bool hasSucceeded)
    {
        int result;
        fixed (char* path = component.LogicalPath)
        fixed (char* name = component.Name)
        {
            var call = (delegate* unmanaged[Stdcall]<void*, Guid, Guid, int, char*, char*, byte, int>)Method(Slots.Components.SetBackupSucceeded);
            result = call(This, writer.InstanceId, writer.ClassId, component.Type, component.LogicalPath.Length == 0 ? null : path, name, hasSucceeded ? (byte)1 : (byte)0);
        }
        Check($"SetBackupSucceeded {writer.Name}: {component.Path}", result);
    }

    public IAsyncStep BackupComplete() => Begin("BackupComplete", Slots.Components.BackupComplete);

    public void AbortBackup()
    {
        var call = (delegate* unmanaged[Stdcall]<void*, int>)Method(Slots.Components.AbortBackup);
        Check("AbortBackup", call(This));
    }

    public void DeleteSnapshotSet(Guid set)
    {
        int deleted = 0;
        Guid undeleted = default;
        var call = (delegate* unmanaged[Stdcall]<void*, Guid, int, int, int*, Guid*, int>)Method(Slots.Components.DeleteSnapshots);
        Check("DeleteSnapshots", call(This, set, ObjectSnapshotSet, 1, &deleted, &undeleted));
    }

    public bool IsVolumeSupported(string volume)
    {
        int isSupported = 0, result;
        fixed (char* name = volume)
        {
            var call = (delegate* unmanaged[Stdcall]<void*, Guid, char*, int*, int>)Method(Slots.Components.IsVolumeSupported);
            result = call(This, Guid.Empty, name, &isSupported);
        }
        Check("IsVolumeSupported", result);
        return isSupported != 0;
    }

    private AsyncStep Begin(string name, int slot)
    {
        void* made = null;
        var call = (delegate* unmanaged[Stdcall]<void*, void**, int>)Method(slot);
        Check(name, call(This, &made));
        return new AsyncStep(Given(name, made));
    }

    private uint Count(string name, int slot)
    {
        uint count = 0;
        var call = (delegate* unmanaged[Stdcall]<void*, uint*, int>)Method(slot);
        Check(name, call(This, &count));
        return count <= MostWriters ? count : throw new VssFailureException(FailureKind.Hopeless, $"{name}: there are {count} writers");
    }

    private void SetClasses(string name, int slot, Guid[] classes)
    {
        int result;
        fixed (Guid* first = classes)
        {
            var call = (delegate* unmanaged[Stdcall]<void*, Guid*, uint, int>)Method(slot);
            result = call(This, first, (uint)classes.Length);
        }
        Check(name, result);
    }
}
