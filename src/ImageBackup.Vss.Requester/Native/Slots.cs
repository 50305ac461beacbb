namespace ImageBackup.Vss.Requester.Native;

/// <summary>
/// The places of methods in VSS's tables, counted from 0. The order is that of vsbackup.h, vswriter.h and vss.h; the first three
/// are always IUnknown's.
/// </summary>
internal static class Slots
{
    public const int QueryInterface = 0;
    public const int AddRef = 1;
    public const int Release = 2;

    internal static class Components
    {
        public const int InitializeForBackup = 5;
        public const int SetBackupState = 6;
        public const int GatherWriterMetadata = 9;
        public const int GetWriterMetadataCount = 10;
        public const int GetWriterMetadata = 11;
        public const int FreeWriterMetadata = 12;
        public const int AddComponent = 13;
        public const int PrepareForBackup = 14;
        public const int AbortBackup = 15;
        public const int GatherWriterStatus = 16;
        public const int GetWriterStatusCount = 17;
        public const int FreeWriterStatus = 18;
        public const int GetWriterStatus = 19;
        public const int SetBackupSucceeded = 20;
        public const int SaveAsXml = 26;
        public const int BackupComplete = 27;
        public const int SetContext = 35;
        public const int StartSnapshotSet = 36;
        public const int AddToSnapshotSet = 37;
        public const int DoSnapshotSet = 38;
        public const int DeleteSnapshots = 39;
        public const int GetSnapshotProperties = 42;
        public const int IsVolumeSupported = 44;
        public const int DisableWriterClasses = 45;
        public const int EnableWriterClasses = 46;
    }

    internal static class Async
    {
        public const int Cancel = 3;
        public const int QueryStatus = 5;
    }

    internal static class WriterMetadata
    {
        public const int GetIdentity = 3;
        public const int GetFileCounts = 4;
        public const int GetComponent = 7;
        public const int SaveAsXml = 12;
    }

    internal static class Component
    {
        public const int GetComponentInfo = 3;
        public const int FreeComponentInfo = 4;
        public const int GetFile = 5;
        public const int GetDatabaseFile = 6;
        public const int GetDatabaseLogFile = 7;
    }

    internal static class FileDescriptor
    {
        public const int GetPath = 3;
        public const int GetRecursive = 5;
    }
}
