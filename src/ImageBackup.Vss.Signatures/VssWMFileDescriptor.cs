namespace Alphaleonis.Win32.Vss;

public class VssWMFileDescriptor(string alternateLocation, VssFileSpecificationBackupType backupTypeMask, string fileSpecification, string path, bool isRecursive)
{
    public string AlternateLocation { get; } = alternateLocation;
    public VssFileSpecificationBackupType BackupTypeMask { get; } = backupTypeMask;
    public string FileSpecification { get; } = fileSpecification;
    public string Path { get; } = path;
    public bool IsRecursive { get; } = isRecursive;
}
