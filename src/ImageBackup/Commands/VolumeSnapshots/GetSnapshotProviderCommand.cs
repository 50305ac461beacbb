using System.Management.Automation;
using ImageBackup.Completion;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Commands;

/// <summary>Lists the snapshot providers of this machine: whether each can be used, and why not; with the machine's defaults.</summary>
[Cmdlet(VerbsCommon.Get, "SnapshotProvider")]
[OutputType(typeof(SnapshotProviderInfo))]
public sealed class GetSnapshotProviderCommand : SnapshotDefaultsCmdlet
{
    /// <summary>Only these: LINUX_LVM, COMMAND, VSS, WMI.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SnapshotProviderCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    private protected override void Process()
    {
        SnapshotDefaults defaults = SnapshotDefaults.Load(FilePath);
        var list = new SnapshotProviderList(SnapshotProviders.Current);
        if (Name is null)
        {
            WriteObject(RunInBackground("Looking at snapshot providers", _ => list.List(defaults)), enumerateCollection: true);
            return;
        }
        foreach (string name in Name)
            Attempt(name, () => WriteObject(RunInBackground("Looking at snapshot providers", _ => list.List(defaults, name)), enumerateCollection: true));
    }
}
