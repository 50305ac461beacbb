using System.Management.Automation;
using ImageBackup.Engine.Policy;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>The base of cmdlets that read or set the machine's snapshot defaults.</summary>
public abstract class SnapshotDefaultsCmdlet : BackgroundCmdlet
{
    /// <summary>The file of defaults; by default the machine's.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    private protected string FilePath => Path is null ? PolicyPaths.Snapshots : ResolvePath(Path);
}
