namespace ImageBackup.Engine.Blocks;

/// <summary>A reader behind which nothing reads ahead: who wants its full speed has several reads under way at once.</summary>
internal interface IQueuedReader : IBlockReader
{
    /// <summary>How many bytes are best under way, by reads that begin in the order of the volume; 0: the system reads ahead.</summary>
    int QueueBytes { get; }
}
