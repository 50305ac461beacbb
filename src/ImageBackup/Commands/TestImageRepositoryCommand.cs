using System.Diagnostics;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Jobs;
using ImageBackup.Engine.Repository;

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

    private protected override void Process()
    {
        RepositoryCheckResult result = RunPumped("Checking the repository", channel =>
        {
            var watch = Stopwatch.StartNew();
            return Opened.Check(
                ReadData,
                (done, total) => channel.Report(new JobProgress(JobPhase.Verifying, "", done, total, 0, watch.Elapsed)),
                Stop);
        });
        WriteObject(result);
        if (result.IsHealthy || result.Problems.Count == 0)
            return;
        RepositoryProblem first = result.Problems[0];
        string more = result.Problems.Count > 1
            ? $" {result.Problems.Count - 1} more are in the result's Problems."
            : "";
        throw new ImageBackupException(
            first.ErrorId, $"The repository '{result.Repository}' is damaged: {first.File}: {first.Message.TrimEnd('.')}.{more}", result.Repository);
    }
}
