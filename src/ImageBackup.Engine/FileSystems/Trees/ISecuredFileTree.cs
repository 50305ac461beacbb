namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>A tree whose entries have security descriptors of Windows: NTFS.</summary>
internal interface ISecuredFileTree
{
    /// <summary>
    /// Owner, group, access list and audit list of an entry in the self-relative form ("MS-DTYP", section 2.4.6): whole, with everything
    /// in it inside of it. Null: the volume has none for it.
    /// </summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    byte[]? ReadSecurityDescriptor(FileTreeEntry entry);
}
