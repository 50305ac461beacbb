using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>A file-system reader that can also open the directories and files of its volume.</summary>
/// <remarks>Contract for threads, hostile bytes and exceptions: as <see cref="IFileSystemReader"/>.</remarks>
internal interface IFileTreeReader : IFileSystemReader
{
    /// <summary>
    /// Opens the tree of a volume that <see cref="IFileSystemReader.Probe"/> recognised. A journal that holds unwritten changes is
    /// replayed over the reader, or <see cref="IFileTree.Notes"/> says that it was not.
    /// </summary>
    /// <param name="volume">Stays the caller's; lives as long as the tree.</param>
    /// <param name="cancellation">Ends the opening, not the tree.</param>
    /// <exception cref="FileSystemFormatException">The tree cannot be opened; the message says why.</exception>
    IFileTree OpenTree(IBlockReader volume, CancellationToken cancellation);
}
