using System.Management.Automation;
using System.Security;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Pipeline;
using ImageBackup.Session;

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

    /// <summary>A password that the repository is to get: the parameter, or its file, or what is typed twice. Pipeline thread only.</summary>
    private protected RepositoryPassword NewSecret(SecureString? given, string? file, string location)
    {
        SecureString? secret = given is null && file is null ? PasswordPrompt.AskTwice(Host, $"New password of the repository '{location}'") : given;
        return PasswordSource.ResolveNew(secret, file is null ? null : ResolvePath(file), "-NewPassword");
    }
}
