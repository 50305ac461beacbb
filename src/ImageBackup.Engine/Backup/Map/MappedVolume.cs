using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Format;

namespace ImageBackup.Engine.Backup.Map;

/// <summary>A volume that is open for its copy, how it is cut into chunks, and which of its bytes are in use.</summary>
internal sealed record MappedVolume(IBlockReader Reader, ChunkGeometry Geometry, UsedMap Map)
{
    /// <summary>Asked for at once: the volume is given back before its image is recorded.</summary>
    public int SectorSizeBytes { get; } = Reader.SectorSizeBytes;
}
