using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Engine.Repository;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>Restores in the background. The checks and questions come before the job starts.</summary>
[OutputType(typeof(ImageBackupJob))]
public sealed partial class RestoreVolumeImageCommand
{
    private readonly List<JobStep> _jobSteps = [];

    /// <summary>Restore in a job: its object is given at once, after the checks and the question.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    private protected override void End()
    {
        base.End();
        ThrowIfNothing();
        if (_jobSteps.Count > 0)
            StartJob(_jobSteps);
    }

    private void AddToJob(ImageRepository repository, ImageBackupInfo image, string destination, DeviceInstance? confirmed)
    {
        Dictionary<string, object?> parameters = ParametersForJob(
            repository, nameof(ImageBackup), nameof(Volume), nameof(PointInTime), nameof(ComputerName), nameof(Destination));
        parameters.Add(nameof(ImageBackup), image);
        parameters.Add(nameof(Destination), VolumeArgument.ConfirmedAs(destination, confirmed));
        _jobSteps.Add(new JobStep("Restore-VolumeImage", parameters, null));
        _written.Add(destination);
    }
}
