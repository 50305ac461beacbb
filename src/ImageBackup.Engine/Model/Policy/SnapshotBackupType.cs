namespace ImageBackup;

/// <summary>What applications are told that take part in a volume snapshot (VSS_BACKUP_TYPE).</summary>
public enum SnapshotBackupType
{
    /// <summary>A copy beside their own backups: they change nothing of their histories and keep their logs.</summary>
    Copy,

    /// <summary>Their backup: once the image is whole they may truncate the logs that it holds.</summary>
    Full,
}
