using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>How much of the machine a restore may take.</summary>
public sealed partial class RestoreVolumeImageCommand
{
    private WorkPace? _pace;

    /// <summary>Background gives way to other programs, by the disk's idle class and a nice value or Windows' background mode; by default Normal.</summary>
    [Parameter]
    public JobPriority? Priority { get; set; }

    /// <summary>At most so many bytes a second are read, of the repository and of the target: a number such as 50MB, 64 KiB or more.</summary>
    [Parameter]
    [ByteSize]
    [ValidateRange(PaceParameters.LeastBytesPerSecond, long.MaxValue)]
    public long? LimitRead { get; set; }

    /// <summary>At most so many bytes a second are written to the target: a number such as 50MB, 64 KiB or more. Zeros that the system writes by itself do not count.</summary>
    [Parameter]
    [ByteSize]
    [ValidateRange(PaceParameters.LeastBytesPerSecond, long.MaxValue)]
    public long? LimitWrite { get; set; }

    private protected override WorkPace? Pace => _pace ??= PaceParameters.PaceOf(Priority, LimitRead, LimitWrite);

    private string PaceText => PaceParameters.Describe(Priority, LimitRead, LimitWrite);
}
