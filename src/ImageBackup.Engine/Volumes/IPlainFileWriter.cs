using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Volumes;

/// <summary>A plain file that is written at any offset and knows its holes.</summary>
internal interface IPlainFileWriter : IBlockWriter, ISparseBlockReader, ILengthQuery;
