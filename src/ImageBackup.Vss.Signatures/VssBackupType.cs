namespace Alphaleonis.Win32.Vss;

public enum VssBackupType
{
    Undefined = 0,
    Full = 1,
    Copy = 5,
}
