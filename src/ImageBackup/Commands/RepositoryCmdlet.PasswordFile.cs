using System.Management.Automation;

namespace ImageBackup.Commands;

/// <summary>The password from a file, for unattended runs.</summary>
public abstract partial class RepositoryCmdlet
{
    /// <summary>
    /// A file that Export-ImageRepositoryPassword wrote. Linux: it must be its user's alone; Windows: only the user or computer
    /// that it was written for can read it.
    /// </summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public virtual string? PasswordFile { get; set; }

    /// <summary>The full path of -PasswordFile. Pipeline thread only.</summary>
    private protected string? FullPasswordFile() => PasswordFile is null ? null : ResolvePath(PasswordFile);
}
