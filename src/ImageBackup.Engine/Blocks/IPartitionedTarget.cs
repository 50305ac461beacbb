namespace ImageBackup.Engine.Blocks;

/// <summary>A target whose partitions the system keeps a list of.</summary>
internal interface IPartitionedTarget : IBlockWriter
{
    /// <summary>
    /// After a <see cref="IBlockWriter.Flush"/>: has the system read the partition table anew. Gives what the user must do if it could
    /// not, as a warning. Null: it has, or the target has no table that the system reads. Never throws.
    /// </summary>
    string? RereadPartitionTable();
}
