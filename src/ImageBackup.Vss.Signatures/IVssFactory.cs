namespace Alphaleonis.Win32.Vss;

public interface IVssFactory
{
    IVssBackupComponents CreateVssBackupComponents();
}
