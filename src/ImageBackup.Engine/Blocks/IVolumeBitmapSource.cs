namespace ImageBackup.Engine.Blocks;

/// <summary>A reader whose source can be asked which of its clusters are in use: the driver that has it mounted knows best.</summary>
internal interface IVolumeBitmapSource : IBlockReader
{
    /// <summary>Null if the source gives no answer: the file system's structures must be read then.</summary>
    VolumeBitmap? QueryUsedMap();
}
