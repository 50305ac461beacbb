using System;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>What becomes of a volume on a bad disk.</summary>
public sealed partial class BackupVolumeImageCommand
{
    /// <summary>
    /// How many sectors of a volume may be unreadable: zeros take their place, and the image lists them. 0, the default: the
    /// first one that stays unreadable, asked for several times, ends the volume's backup.
    /// </summary>
    [Parameter]
    [ValidateRange(0L, long.MaxValue)]
    public long ReadErrorLimit { get; set; }

    /// <summary>The image was given out already: the error tells scripts, and the Host's exit code, that it is not all there.</summary>
    private static void ThrowIfIncomplete(ImageBackupInfo image)
    {
        if (image.ReadErrors.Count == 0)
            return;
        throw new ImageBackupException(
            ErrorId.SomeDataUnreadable,
            $"The image {image.ShortId} of '{image.Volume}' was made, but {ProgressText.Size(image.ReadErrors.Sum(r => r.LengthBytes))} in {image.ReadErrors.Count} range(s) of the volume could not be read and are zeros in it.",
            image.Id);
    }
}
