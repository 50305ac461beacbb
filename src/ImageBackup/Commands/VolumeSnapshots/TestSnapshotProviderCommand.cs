using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Commands;

/// <summary>Takes a snapshot of each volume, reads from it and removes it: what a backup would do, without the copy.</summary>
[Cmdlet(VerbsDiagnostic.Test, "SnapshotProvider", SupportsShouldProcess = true)]
[OutputType(typeof(SnapshotProviderTestResult))]
public sealed class TestSnapshotProviderCommand : SnapshotDefaultsCmdlet
{
    private int _namedCount;

    /// <summary>The volumes, by anything that names one.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [VolumeTransformation]
    [ArgumentCompleter(typeof(VolumeCompleter))]
    public VolumeArgument[] Volume { get; set; } = [];

    /// <summary>The provider to try; by default the one that a backup would take.</summary>
    [Parameter(Position = 1)]
    [ArgumentCompleter(typeof(SnapshotProviderCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    private protected override void End()
    {
        if (MyInvocation.ExpectingInput && _namedCount == 0 && !HasWrittenError)
            throw new ImageBackupException(ErrorId.NoVolume, "Nothing came down the pipeline: no volume was tried.");
    }

    private protected override void Process()
    {
        ThrowIfNamesNothing(nameof(Volume), Volume.Length);
        _namedCount += Volume.Length;
        SnapshotDefaults defaults = SnapshotDefaults.Load(FilePath);
        foreach (VolumeArgument argument in Volume)
        {
            Attempt(argument.Input, () =>
            {
                string full = ImageBackup.Binding.VolumeNames.FullSource(argument, ResolvePath);
                ImageVolume volume = RunInBackground("Looking at volumes", _ => ImageBackup.Binding.VolumeNames.Find(full, Stop));
                if (!ShouldProcess(volume.Name, "Take and remove a snapshot"))
                    return;
                var trial = new SnapshotProviderTest(VolumeSystem.Current, SnapshotProviders.Current, EventLog.Current);
                WriteObject(RunInBackground($"Taking a snapshot of {volume.Name}",
                    channel => trial.Run(volume.Description, Name ?? defaults.Provider, QuiesceOptions.SnapshotOf(defaults), channel.WriteVerbose, Stop)));
            });
        }
    }
}
