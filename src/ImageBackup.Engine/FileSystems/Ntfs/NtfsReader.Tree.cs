using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <content>Directories and files.</content>
internal sealed partial class NtfsReader
{
    public IFileTree OpenTree(IBlockReader volume, CancellationToken cancellation)
    {
        NtfsVolume ntfs = Open(new MetadataCache(volume));
        cancellation.ThrowIfCancellationRequested();
        var notes = new List<string>();
        try
        {
            (_, ushort flags) = ReadInformation(ntfs.ReadRecord(NtfsVolume.VolumeRecord));
            if ((flags & (DirtyFlag | CheckUnderwayFlag)) != 0)
                notes.Add("NTFS: the volume is marked as damaged (chkdsk is due): some files may not be readable.");
            if (!IsLogClean(ntfs))
                notes.Add("NTFS: the volume was not taken off cleanly. Its journal ($LogFile) was not replayed: what was changed last may be missing or damaged.");
        }
        catch (FileSystemFormatException e)
        {
            notes.Add($"It is not known whether the volume was taken off cleanly ({e.Message}).");
        }
        return new NtfsTree(volume, ntfs, NtfsUpcase.Read(ntfs), notes);
    }
}
