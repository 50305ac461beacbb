using System;

namespace Alphaleonis.Win32.Vss;

[Flags]
public enum VssFileSpecificationBackupType
{
    None = 0,
    AllBackupRequired = 0x0000000F,
}
