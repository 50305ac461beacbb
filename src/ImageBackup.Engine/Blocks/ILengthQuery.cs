namespace ImageBackup.Engine.Blocks;

/// <summary>
/// A reader that can ask its open handle how long the source is now. <see cref="IBlockReader.LengthBytes"/> is
/// what it was when it was opened; a source that grew or shrank since is noticed by comparing the two.
/// </summary>
internal interface ILengthQuery
{
    /// <summary>The length in bytes at this moment.</summary>
    /// <exception cref="BlockReadException">The source is gone.</exception>
    long QueryLengthBytes();
}
