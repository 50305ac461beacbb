using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Fat;

/// <content>Directories and files.</content>
internal sealed partial class FatReader
{
    public IFileTree OpenTree(IBlockReader volume, CancellationToken cancellation)
    {
        FatBootSector geometry = FatBootSector.TryRead(volume)
            ?? throw new FileSystemFormatException("FAT: the boot sector is damaged");
        if (geometry.SizeBytes > volume.LengthBytes)
            throw new FileSystemFormatException($"FAT: the file system has {geometry.SizeBytes} bytes, the volume only {volume.LengthBytes}");
        return new FatTree(volume, new MetadataCache(volume), geometry, IsClean(geometry, FatTable.ReadEntry(volume, geometry, 1)));
    }
}
