namespace ImageBackup.Engine.Blocks;

/// <summary>A reader that can tell whether the name it was opened by still means what it has open.</summary>
internal interface INamedSource : IBlockReader
{
    /// <summary>False if another file or device has the name now, or nothing has.</summary>
    bool IsStillNamed();
}
