using System;

namespace Alphaleonis.Win32.Vss;

public class VssSnapshotProperties(
    Guid snapshotId, Guid snapshotSetId, long snapshotCount, string snapshotDeviceObject, string originalVolumeName,
    string originatingMachine, string serviceMachine, string exposedName, string exposedPath, Guid providerId,
    VssVolumeSnapshotAttributes snapshotAttributes, DateTime creationTimestamp, VssSnapshotState snapshotState)
{
    public Guid SnapshotId { get; } = snapshotId;
    public Guid SnapshotSetId { get; } = snapshotSetId;
    public long SnapshotsCount { get; } = snapshotCount;
    public string SnapshotDeviceObject { get; } = snapshotDeviceObject;
    public string OriginalVolumeName { get; } = originalVolumeName;
    public string OriginatingMachine { get; } = originatingMachine;
    public string ServiceMachine { get; } = serviceMachine;
    public string ExposedName { get; } = exposedName;
    public string ExposedPath { get; } = exposedPath;
    public Guid ProviderId { get; } = providerId;
    public VssVolumeSnapshotAttributes SnapshotAttributes { get; } = snapshotAttributes;
    public DateTime CreationTimestamp { get; } = creationTimestamp;
    public VssSnapshotState Status { get; } = snapshotState;
}
