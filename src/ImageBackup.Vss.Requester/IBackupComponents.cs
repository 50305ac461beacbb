using System;
using System.Collections.Generic;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester;

/// <summary>
/// VSS's backup components object, good for one attempt. The native one speaks to vssapi.dll; tests have a double. One thread at a
/// time. Every method throws <see cref="VssFailureException"/> if VSS says so. Dispose gives the reference back and never throws.
/// </summary>
internal interface IBackupComponents : IDisposable
{
    void InitializeForBackup();
    void SetContext(int context);
    void SetBackupState(bool selectsComponents, int backupType);
    void EnableWriterClasses(Guid[] classes);
    void DisableWriterClasses(Guid[] classes);
    IAsyncStep GatherWriterMetadata();

    /// <summary>After GatherWriterMetadata. VSS's own copy is freed.</summary>
    IReadOnlyList<WriterMetadata> ReadWriterMetadata();
    Guid StartSnapshotSet();
    Guid AddToSnapshotSet(string volume);
    void AddComponent(WriterMetadata writer, WriterMetadataComponent component);
    IAsyncStep PrepareForBackup();
    IAsyncStep GatherWriterStatus();

    /// <summary>After GatherWriterStatus; without components. VSS's own copy is freed.</summary>
    IReadOnlyList<WriterReport> ReadWriterStatus();
    IAsyncStep DoSnapshotSet();
    SnapshotAnswer GetSnapshotProperties(Guid snapshot);
    string SaveAsXml();
    void SetBackupSucceeded(WriterMetadata writer, WriterMetadataComponent component, bool hasSucceeded);
    IAsyncStep BackupComplete();
    void AbortBackup();
    void DeleteSnapshotSet(Guid set);
    bool IsVolumeSupported(string volume);
}

/// <summary>Something that VSS does in its own time.</summary>
internal interface IAsyncStep : IDisposable
{
    /// <summary>Null while it goes on; else its HRESULT.</summary>
    int? Query();
    void Cancel();
}

/// <summary>What VSS says of a snapshot.</summary>
/// <param name="Device">The path that it is read by.</param>
/// <param name="FileTime">When it was made.</param>
/// <param name="State">VSS's number; 12 is created.</param>
internal sealed record SnapshotAnswer(string Device, long FileTime, int State);

/// <summary>A writer's metadata document.</summary>
internal sealed record WriterMetadata(Guid ClassId, Guid InstanceId, string Name, string Xml, IReadOnlyList<WriterMetadataComponent> Components);

/// <summary>A component of it.</summary>
/// <param name="Type">VSS's number: 1 a database, 2 a group of files.</param>
/// <param name="LogicalPath">Of the component that it is under; "" at the top.</param>
/// <param name="Name">Its name.</param>
/// <param name="Caption">For people; may be "".</param>
/// <param name="IsSelectable">It can be chosen by itself; else it comes with the one that it is under.</param>
/// <param name="Files">Where its files lie.</param>
internal sealed record WriterMetadataComponent(int Type, string LogicalPath, string Name, string Caption, bool IsSelectable, IReadOnlyList<WriterFile> Files)
{
    public string Path => LogicalPath.Length == 0 ? Name : LogicalPath + "\\" + Name;
}

/// <summary>A directory of a writer's files.</summary>
internal sealed record WriterFile(string Directory, bool IsRecursive);
