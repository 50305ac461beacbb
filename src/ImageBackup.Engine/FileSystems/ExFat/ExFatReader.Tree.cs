using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.ExFat;

/// <content>Directories and files.</content>
internal sealed partial class ExFatReader
{
    public IFileTree OpenTree(IBlockReader volume, CancellationToken cancellation)
    {
        ExFatBootSector geometry = ExFatBootSector.TryRead(volume, _verifiesChecksums)
            ?? throw new FileSystemFormatException("exFAT: the boot region and its backup are damaged");
        if (geometry.SizeBytes > volume.LengthBytes)
            throw new FileSystemFormatException($"exFAT: the file system has {geometry.SizeBytes} bytes, the volume only {volume.LengthBytes}");
        return new ExFatTree(volume, new MetadataCache(volume), geometry, _verifiesChecksums);
    }
}
