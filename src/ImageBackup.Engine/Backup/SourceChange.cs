using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Backup;

/// <summary>What became of a source while it was read: another length, another thing under its name, gone, or bad in places.</summary>
internal static class SourceChange
{
    /// <summary>A source that grew, shrank, was swapped or vanished under us gives no image.</summary>
    /// <exception cref="ImageBackupException">VolumeChanged.</exception>
    /// <exception cref="BlockReadException">It cannot even be asked.</exception>
    public static void ThrowIfChanged(VolumeDescription description, IBlockReader volume)
    {
        if (volume is ILengthQuery query)
        {
            long now = query.QueryLengthBytes();
            if (now != volume.LengthBytes)
            {
                throw new ImageBackupException(ErrorId.VolumeChanged,
                    $"The volume '{description.Name}' was {volume.LengthBytes} bytes long when the backup began and is {now} bytes long now.", description.Name);
            }
        }
        if (volume is INamedSource named && !named.IsStillNamed())
        {
            throw new ImageBackupException(ErrorId.VolumeChanged,
                $"'{description.Name}' has changed since the backup began: it was replaced or removed.", description.Name);
        }
    }

    /// <summary>A read that could not be made good, as a user learns of it.</summary>
    public static ImageBackupException Failure(VolumeDescription description, BlockReadException e) => e.IsGone
        ? new(ErrorId.VolumeChanged, $"The volume '{description.Name}' vanished or shrank while it was read, at offset {e.OffsetBytes}: {e.Message}", description.Name, e)
        : new(ErrorId.ReadFailed, $"The volume '{description.Name}' could not be read at offset {e.OffsetBytes} ({e.LengthBytes} bytes): {e.Message}", description.Name, e);

    /// <summary>Null if everything was read.</summary>
    public static string? ReadErrorWarning(VolumeDescription description, IReadOnlyList<ByteRange> readErrors) => readErrors.Count == 0
        ? null
        : $"{readErrors.Sum(r => r.LengthBytes)} bytes of '{description.Name}' in {readErrors.Count} range(s) could not be read, the first at offset {readErrors[0].OffsetBytes}: the image has zeros there.";
}
