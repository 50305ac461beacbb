using System;
using System.Diagnostics;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>Checks the structure of a repository; with -ReadData every byte of it.</summary>
[Cmdlet(VerbsDiagnostic.Test, "ImageRepository")]
[OutputType(typeof(RepositoryCheckResult))]
public sealed class TestImageRepositoryCommand : RepositoryCmdlet
{
    /// <summary>The repository's path or object; else the connected one.</summary>
    [Parameter(Position = 0)]
    [Alias("Path")]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public override RepositoryArgument? Repository { get; set; }

    /// <summary>Read and prove every pack, not only the structure.</summary>
    [Parameter]
    public SwitchParameter ReadData { get; set; }

    /// <summary>
    /// Read only this share of the packs, in percent. Each run of this user on this machine goes on where the last one
    /// ended, so that 100/Sample runs have read everything. Implies -ReadData.
    /// </summary>
    [Parameter]
    [ValidateRange(0.001, 100.0)]
    public double? Sample { get; set; }

    /// <summary>Read only so many bytes of the packs, at least one pack; otherwise as -Sample.</summary>
    [Parameter]
    [ByteSize]
    [ValidateRange(1L, long.MaxValue)]
    public long? SampleSize { get; set; }

    private protected override void Process()
    {
        if (Sample is not null && SampleSize is not null)
            throw new ImageBackupException(ErrorId.ParameterInvalid, "-Sample and -SampleSize exclude each other. Give the share or the size.", nameof(SampleSize));
        TellRollback();
        SampleCursor? cursor = Sample is < 100 || SampleSize is not null ? new SampleCursor(Opened.Id) : null;
        var options = new RepositoryCheckOptions
        {
            ReadData = ReadData || Sample is not null || SampleSize is not null,
            SamplePercent = Sample ?? 100,
            SampleBytes = SampleSize,
            SampleAfter = cursor?.Load(),
        };
        RepositoryCheckResult result = RunInBackground("Checking the repository", channel =>
        {
            var watch = Stopwatch.StartNew();
            return Opened.Check(
                options,
                (done, total) => channel.Report(new JobProgress(JobPhase.Verifying, "", done, total, 0, watch.Elapsed)),
                Stop);
        });
        if (result.SampleEnd is { } end && cursor?.TrySave(end) == false)
            WriteWarning("The end of this sample could not be recorded: the next one begins at a random place.");
        if (Connection.Memory.NoteCheck(new RepositoryCheckMark(DateTimeOffset.Now, result.IsHealthy)) is { } unnoted)
            WriteVerbose($"The time of this check was not noted: {unnoted}.");
        WriteObject(result);
        if (result.IsHealthy || result.Problems.Count == 0)
            return;
        RepositoryProblem first = result.Problems[0];
        string reach = result.DamagedImages.Count > 0 ? $" {result.DamagedImages.Count} image(s) are reached: see the result's DamagedImages." : "";
        string more = result.Problems.Count > 1
            ? $" {result.Problems.Count - 1} more are in the result's Problems."
            : "";
        throw new ImageBackupException(
            first.ErrorId, $"The repository '{result.Repository}' is damaged: {first.File}: {first.Message.TrimEnd('.')}.{more}{reach}", result.Repository)
        {
            RecommendedAction = result.IsIndexLost ? UnlistedPacks.Advice : ErrorTable.Get(first.ErrorId).RecommendedAction,
        };
    }

    /// <summary>What this machine has seen and the repository has not any more.</summary>
    private void TellRollback()
    {
        RunInBackground("Comparing with the records of this machine", channel =>
        {
            try
            {
                // Unreadable files are among the check's problems.
                if (Connection.Policy.Load(onWarning: null, Stop).Rollback is { } rollback)
                    channel.WriteWarning(rollback);
            }
            catch (ImageBackupException failure) when (failure.Id != ErrorId.Cancelled)
            {
                channel.WriteWarning($"The repository's rules cannot be read: {failure.Message}");
            }
            foreach (string line in new VanishedImages(Opened, Connection.Memory, Connection.Traces).AllMissing())
                channel.WriteWarning(line);
        });
    }
}
