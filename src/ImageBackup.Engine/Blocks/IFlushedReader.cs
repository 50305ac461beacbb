namespace ImageBackup.Engine.Blocks;

/// <summary>A reader that knows whether its source was flushed when it was opened.</summary>
internal interface IFlushedReader : IBlockReader
{
    /// <summary>
    /// True if the system wrote what it held in memory back to the source right before the reader was opened, and
    /// reads see that state. False if that was not asked for, or the user may not.
    /// </summary>
    bool IsFlushed { get; }
}
