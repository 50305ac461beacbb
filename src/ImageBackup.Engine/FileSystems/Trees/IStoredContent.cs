using System.Collections.Generic;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>A part of a file's content, and the bytes of the volume that decide it.</summary>
/// <param name="FileOffsetBytes">Where it begins; of a form that is not <see cref="Plain"/>, a number that tells the pieces apart.</param>
/// <param name="LengthBytes">How much of the file it is; of another form: of what is stored.</param>
/// <param name="VolumeOffsetBytes">Where its bytes lie; -1 if they lie among the file system's structures, or cannot be told.</param>
/// <param name="StoredBytes">How many lie there.</param>
/// <param name="Form"><see cref="Plain"/>, or a number for how they were transformed: with the same bytes it gives the same content.</param>
internal readonly record struct StoredPiece(long FileOffsetBytes, long LengthBytes, long VolumeOffsetBytes, long StoredBytes, long Form)
{
    /// <summary>The bytes of the volume are the file's.</summary>
    public const long Plain = 0;

    /// <summary>A piece that the volume's bytes at no one place decide.</summary>
    public static StoredPiece Unplaced(long fileOffsetBytes, long lengthBytes) => new(fileOffsetBytes, lengthBytes, -1, 0, Plain);
}

/// <summary>
/// A file's content that says where on its volume it lies. Two files of one length whose pieces are the same, over the same bytes of their
/// volumes, have the same content. What is in no piece is zeros. Beside <see cref="Blocks.ISparseBlockReader"/>, which reads it.
/// </summary>
internal interface IStoredContent
{
    /// <summary>Sorted by the place in the file, disjoint, inside the file. Lazy; nothing of the content is read.</summary>
    /// <exception cref="FileSystemFormatException">The file's map is damaged.</exception>
    /// <exception cref="Blocks.BlockReadException">It cannot be read.</exception>
    IEnumerable<StoredPiece> Pieces();
}
