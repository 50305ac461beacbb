using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Vss.Requester.Native;

/// <summary>VSS_SNAPSHOT_PROP as it lies in memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SnapshotProperties
{
    public Guid SnapshotId;
    public Guid SnapshotSetId;
    public int SnapshotsCount;
    public IntPtr SnapshotDeviceObject;
    public IntPtr OriginalVolumeName;
    public IntPtr OriginatingMachine;
    public IntPtr ServiceMachine;
    public IntPtr ExposedName;
    public IntPtr ExposedPath;
    public Guid ProviderId;
    public int SnapshotAttributes;
    public long CreationTimestamp;
    public int Status;
}
