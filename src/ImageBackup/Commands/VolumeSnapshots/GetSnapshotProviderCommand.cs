using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Completion;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Commands;

/// <summary>Lists the snapshot providers of this machine: whether each can be used, and why not; with the machine's defaults.</summary>
[Cmdlet(VerbsCommon.Get, "SnapshotProvider", DefaultParameterSetName = ProviderSet)]
[OutputType(typeof(SnapshotProviderInfo), ParameterSetName = [ProviderSet])]
[OutputType(typeof(SnapshotWriter), ParameterSetName = [WriterSet])]
public sealed class GetSnapshotProviderCommand : SnapshotDefaultsCmdlet
{
    private const string ProviderSet = "Provider";
    private const string WriterSet = "Writer";

    /// <summary>Only these: LINUX_LVM, COMMAND, VSS, WMI.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SnapshotProviderCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    /// <summary>The applications that take part in the providers' snapshots, instead of the providers.</summary>
    [Parameter(ParameterSetName = WriterSet, Mandatory = true)]
    public SwitchParameter Writers { get; set; }

    private protected override void Process()
    {
        SnapshotDefaults defaults = SnapshotDefaults.Load(FilePath);
        if (Writers)
        {
            WriteWriters(defaults);
            return;
        }
        var list = new SnapshotProviderList(SnapshotProviders.Current);
        if (Name is null)
        {
            WriteObject(RunInBackground("Looking at snapshot providers", _ => list.List(defaults)), enumerateCollection: true);
            return;
        }
        foreach (string name in Name)
            Attempt(name, () => WriteObject(RunInBackground("Looking at snapshot providers", _ => list.List(defaults, name)), enumerateCollection: true));
    }

    private void WriteWriters(SnapshotDefaults defaults)
    {
        var list = new SnapshotProviderList(SnapshotProviders.Current);
        foreach (string? name in (IEnumerable<string?>?)Name ?? [null])
            Attempt(name ?? "writers", () => WriteObject(RunInBackground("Asking the writers", _ => list.ListWriters(defaults, name, Stop)), enumerateCollection: true));
    }
}
