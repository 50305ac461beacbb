using System;
using System.Diagnostics;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>Removes what no image and no other snapshot of a repository refers to. -WhatIf says how much that is.</summary>
[Cmdlet(VerbsCommon.Optimize, "ImageRepository", SupportsShouldProcess = true)]
[OutputType(typeof(RepositoryOptimizeResult))]
public sealed class OptimizeImageRepositoryCommand : RepositoryCmdlet
{
    /// <summary>The repository's path or object; else the connected one.</summary>
    [Parameter(Position = 0)]
    [Alias("Path")]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public override RepositoryArgument? Repository { get; set; }

    /// <summary>
    /// How much that nothing refers to may stay in packs that hold other things too: a share of what is kept (5% by
    /// default), a size, or Unlimited, which writes nothing again and only removes whole packs.
    /// </summary>
    [Parameter]
    [UnusedLimit]
    public UnusedLimit MaxUnused { get; set; } = UnusedLimit.Default;

    private protected override void Process()
    {
        string location = Connection.Location;
        if (Opened.Files.RetentionPeriod is { TotalDays: var days })
            WriteWarning($"'{location}' is in a bucket with object lock: what is removed is marked as such, and the bucket keeps it for up to {days:0} days. Its space is given back by the bucket's lifecycle rule for noncurrent versions.");
        // Who is asked, or only asks, is told how much it is: that takes a look of its own, beside others at work.
        if (IsWhatIf || Asks(ConfirmImpact.Medium))
        {
            RepositoryOptimizeResult plan = RunInBackground("Looking for unused data", channel => Run(channel, isPlan: true));
            if (!ShouldProcess(location, Describe(plan)))
            {
                if (IsWhatIf)
                {
                    WriteObject(plan);
                    Opened.CheckChange(isExclusive: true);
                }
                return;
            }
        }
        else if (!ShouldProcess(location, "Remove unused data"))
        {
            return;
        }
        RepositoryOptimizeResult result = RunInBackground("Removing unused data", channel => Run(channel, isPlan: false));
        if (Connection.Memory.NoteOptimize(DateTimeOffset.Now) is { } unnoted)
            WriteVerbose($"The time of this run was not noted: {unnoted}.");
        WriteObject(result);
    }

    private RepositoryOptimizeResult Run(CmdletChannel channel, bool isPlan)
    {
        var watch = Stopwatch.StartNew();
        return Opened.Optimize(MaxUnused, isPlan, (phase, done, total) => channel.Report(phase switch
        {
            PrunePhase.Copying => new JobProgress(JobPhase.Copying, "", done, total, 0, watch.Elapsed),
            PrunePhase.Removing => new JobProgress(JobPhase.Finishing, "", 0, 0, 0, watch.Elapsed),
            _ => new JobProgress(JobPhase.Reading, "", 0, 0, 0, watch.Elapsed),
        }), Stop);
    }

    private static string Describe(RepositoryOptimizeResult plan) =>
        $"Remove {plan.RemovedPackCount} packs with {ProgressText.Size(plan.RemovedBytes)}, write {ProgressText.Size(plan.RepackedBytes)} of that again, free {ProgressText.Size(Math.Max(0, plan.FreedBytes))}; "
        + $"{ProgressText.Size(plan.UsedBytes)} are in use, {ProgressText.Size(plan.RemainingUnusedBytes)} stay unused; this reads {ProgressText.Size(plan.ReadBytes)} in about {plan.RequestCount} requests";
}
