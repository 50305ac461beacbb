namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>The two sets of numbers by which file systems of Unix say what a file is.</summary>
internal static class UnixFileType
{
    /// <summary>Of an inode's mode (S_IFMT, the upper four bits of sixteen). A mode of more bits is of no type.</summary>
    public static FileTreeKind OfMode(uint mode) => (mode >> 12) switch
    {
        1 => FileTreeKind.Fifo,
        2 => FileTreeKind.CharacterDevice,
        4 => FileTreeKind.Directory,
        6 => FileTreeKind.BlockDevice,
        8 => FileTreeKind.File,
        10 => FileTreeKind.SymbolicLink,
        12 => FileTreeKind.Socket,
        _ => FileTreeKind.Other,
    };

    /// <summary>Of a directory's entry (FT_REG_FILE ...): btrfs and XFS use the same numbers.</summary>
    public static FileTreeKind OfDirectoryEntry(int type) => type switch
    {
        1 => FileTreeKind.File,
        2 => FileTreeKind.Directory,
        3 => FileTreeKind.CharacterDevice,
        4 => FileTreeKind.BlockDevice,
        5 => FileTreeKind.Fifo,
        6 => FileTreeKind.Socket,
        7 => FileTreeKind.SymbolicLink,
        _ => FileTreeKind.Other,
    };
}
