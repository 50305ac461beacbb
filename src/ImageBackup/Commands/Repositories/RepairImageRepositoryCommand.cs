using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Packs;

namespace ImageBackup.Commands;

/// <summary>
/// Makes a damaged repository usable again: rebuilds the indexes from the packs, saves what is whole in torn or corrupt packs,
/// removes damaged files that are of no use. Files that it cannot understand stay and are named. Needs the repository for itself. -WhatIf puts out the plan.
/// </summary>
[Cmdlet(VerbsDiagnostic.Repair, "ImageRepository", SupportsShouldProcess = true)]
[OutputType(typeof(RepositoryRepairResult))]
public sealed class RepairImageRepositoryCommand : RepositoryCmdlet
{
    /// <summary>The repository's path or object; else the connected one.</summary>
    [Parameter(Position = 0)]
    [Alias("Path")]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public override RepositoryArgument? Repository { get; set; }

    /// <summary>Read every pack, to find corrupt chunks too. Without it only packs that are unlisted, torn or gone are looked at.</summary>
    [Parameter]
    public SwitchParameter ReadData { get; set; }

    /// <summary>
    /// Remove snapshots that cannot be read: damaged ones, and those that say something that this version does not understand.
    /// Without it they stay and are named, and Optimize-ImageRepository removes nothing while they are there.
    /// </summary>
    [Parameter]
    public SwitchParameter RemoveUnreadable { get; set; }

    /// <summary>What the plan has read whole, a moment before the repair.</summary>
    private readonly HashSet<(BlobId, long)> _proven = new();

    /// <summary>What the plan has read of packs that no index lists.</summary>
    private readonly Dictionary<(BlobId, long), IReadOnlyList<PackEntry>> _headers = new();

    private protected override void Process()
    {
        _proven.Clear();
        _headers.Clear();
        RepositoryRepairResult plan = Run(isPlan: true);
        if (!plan.WasNeeded)
        {
            WriteVerbose("The repository needs no repair.");
            Put(plan with { IsPlan = false });
            return;
        }
        string what = $"Rebuild the index of {plan.PackCount} packs ({plan.AdoptedPackCount} unlisted, {plan.MissingPackCount} missing, {plan.DamagedPackCount} damaged); "
            + $"save {plan.SalvagedBlobCount} blobs, give up {plan.LostBlobCount}"
            + (plan.RemovedSnapshots.Count == 0 ? "" : $"; remove {plan.RemovedSnapshots.Count} snapshots that cannot be read ({string.Join(", ", plan.RemovedSnapshots.Select(name => DisplayText.ShortId(name)))})");
        if (!ShouldProcess(Connection.Location, what))
        {
            // A plan is put out for -WhatIf; who answered no has read it in the question.
            WriteObject(plan);
            if (IsWhatIf)
                Opened.CheckChange(isExclusive: true);
            return;
        }
        Put(Run(isPlan: false));
    }

    private RepositoryRepairResult Run(bool isPlan) => RunInBackground(isPlan ? "Looking for damage" : "Repairing the repository", channel =>
    {
        var watch = Stopwatch.StartNew();
        return Opened.Repair(
            new RepositoryRepairOptions { ReadData = ReadData, IsPlan = isPlan, RemoveUnreadable = RemoveUnreadable, Proven = _proven, Headers = _headers },
            (done, total) => channel.Report(new JobProgress(JobPhase.Verifying, "", done, total, 0, watch.Elapsed)),
            Stop);
    });

    private void Put(RepositoryRepairResult result)
    {
        WriteObject(result);
        foreach (DamagedImage image in result.DamagedImages)
        {
            WriteWarning(image.IsLost
                ? $"The image {DisplayText.ShortId(image.ImageId)} of '{image.Volume}' on {image.ComputerName} is lost: remove it, and back the volume up again."
                : $"The image {DisplayText.ShortId(image.ImageId)} of '{image.Volume}' on {image.ComputerName} lacks {image.Ranges.Count} range(s): back the volume up again, which repairs the ranges that it still has.");
        }
        foreach (UnreadableFile file in result.UnreadableFiles)
        {
            WriteWarning(file.Kind == "pack"
                ? $"The pack {file.Name} is whole but cannot be understood; it stays: {file.Problem}"
                : $"The snapshot {file.Name} cannot be read; it stays, and nothing can be removed as unused while it is there: {file.Problem} Restore it from a copy; if there is none, -RemoveUnreadable removes it.");
        }
        if (result.UnreadablePackCount > 0)
            WriteWarning($"{result.UnreadablePackCount} pack(s) could not be read by the disk; they stay in the repository, unlisted.");
    }
}
