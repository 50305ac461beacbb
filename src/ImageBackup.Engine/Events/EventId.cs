namespace ImageBackup.Engine.Events;

/// <summary>
/// The stable numbers of what is logged; <see cref="EventTable"/> says what each means. A number is never reused. 1xxx: what
/// went as it should; 2xxx: what somebody should look at; 3xxx: what failed.
/// </summary>
internal enum EventId
{
    ImageTaken = 1000,
    SnapshotTaken = 1010,
    VolumeQuiesced = 1020,
    VolumePutBack = 1021,
    CommandRun = 1030,
    ImageFuzzy = 2000,
    ImageFailedOver = 2010,
    ImageWarning = 2020,
    VolumeBusy = 2030,
    OrphanSnapshotRemoved = 2040,
    OrphanVolumePutBack = 2041,
    OrphanCommandRun = 2042,
    PostSnapshotCommandFailed = 2050,
    TerminalLost = 2060,
    BackupFailed = 3000,
    SnapshotFailed = 3010,
    SnapshotInvalid = 3011,
    SnapshotNotRemoved = 3012,
    VolumeInUse = 3020,
    VolumeNotPutBack = 3021,
    PreSnapshotCommandFailed = 3030,
}
