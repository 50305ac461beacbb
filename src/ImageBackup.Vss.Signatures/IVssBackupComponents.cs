using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Alphaleonis.Win32.Vss;

public interface IVssBackupComponents : IDisposable
{
    IList<IVssExamineWriterMetadata> WriterMetadata { get; }
    IList<VssWriterStatusInfo> WriterStatus { get; }

    void AbortBackup();
    Guid AddToSnapshotSet(string volumeName);
    Task BackupCompleteAsync(CancellationToken cancellationToken = default);
    int DeleteSnapshotSet(Guid snapshotSetId, bool forceDelete);
    void DisableWriterClasses(params Guid[] writerClassIds);
    Task DoSnapshotSetAsync(CancellationToken cancellationToken = default);
    void EnableWriterClasses(params Guid[] writerClassIds);
    Task GatherWriterMetadataAsync(CancellationToken cancellationToken = default);
    Task GatherWriterStatusAsync(CancellationToken cancellationToken = default);
    VssSnapshotProperties GetSnapshotProperties(Guid snapshotId);
    void InitializeForBackup(string? xml);
    bool IsVolumeSupported(string volumeName);
    Task PrepareForBackupAsync(CancellationToken cancellationToken = default);
    IEnumerable<VssSnapshotProperties> QuerySnapshots();
    string SaveAsXml();
    void SetBackupState(bool selectComponents, bool backupBootableSystemState, VssBackupType backupType, bool partialFileSupport);
    void SetContext(VssSnapshotContext context);
    Guid StartSnapshotSet();
}
