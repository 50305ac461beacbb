using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Signatures;

/// <summary>What is known by its mark alone, whose map is not read.</summary>
internal static class NamedClaims
{
    /// <summary>All of them: members of something larger first.</summary>
    /// <exception cref="BlockReadException">The volume could not be read.</exception>
    public static IEnumerable<(SignatureRole Role, FileSystemDescription Description)> Find(IBlockReader volume)
    {
        foreach (FileSystemDescription member in VolumeMembers.Find(volume))
            yield return (SignatureRole.Member, member);
        foreach (FileSystemDescription fileSystem in NamedFileSystems.Find(volume))
            yield return (SignatureRole.FileSystem, fileSystem);
        foreach ((SignatureRole Role, FileSystemDescription Description) found in KnownMagics.Find(volume))
            yield return found;
    }
}
