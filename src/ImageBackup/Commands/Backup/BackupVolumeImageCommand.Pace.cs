using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>How much of the machine a backup may take.</summary>
public sealed partial class BackupVolumeImageCommand
{
    private WorkPace? _pace;

    /// <summary>Background gives way to other programs, by the disk's idle class and a nice value or Windows' background mode; by default Normal.</summary>
    [Parameter]
    public JobPriority? Priority { get; set; }

    /// <summary>At most so many bytes a second are read of the volume: a number such as 50MB, 64 KiB or more.</summary>
    [Parameter]
    [ByteSize]
    [ValidateRange(PaceParameters.LeastBytesPerSecond, long.MaxValue)]
    public long? LimitRead { get; set; }

    /// <summary>At most so many bytes a second are written to the repository: a number such as 10MB, 64 KiB or more.</summary>
    [Parameter]
    [ByteSize]
    [ValidateRange(PaceParameters.LeastBytesPerSecond, long.MaxValue)]
    public long? LimitWrite { get; set; }

    private protected override WorkPace? Pace => _pace ??= PaceParameters.PaceOf(Priority, LimitRead, LimitWrite);

    private string PaceText => PaceParameters.Describe(Priority, LimitRead, LimitWrite);
}
