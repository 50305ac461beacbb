using System.Management.Automation;
using System.Security;
using System.Text;
using ImageBackup.Binding;

namespace ImageBackup.Drive;

/// <summary>What New-PSDrive takes for the provider ImageBackup.</summary>
internal sealed class NewDriveParameters
{
    /// <summary>The repository's password; else RESTIC_PASSWORD_COMMAND, RESTIC_PASSWORD_FILE, RESTIC_PASSWORD; else it is asked for.</summary>
    [Parameter]
    [ValidateNotNull]
    public SecureString? Password { get; set; }

    /// <summary>A file that Export-ImageRepositoryPassword wrote.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? PasswordFile { get; set; }
}

/// <summary>What Get-ChildItem takes on a drive of images.</summary>
internal sealed class ChildItemParameters
{
    /// <summary>Only what has a content.</summary>
    [Parameter]
    public SwitchParameter File { get; set; }

    /// <summary>Only what others lie in.</summary>
    [Parameter]
    [Alias("ad")]
    public SwitchParameter Directory { get; set; }
}

/// <summary>What Get-Content takes on a drive of images.</summary>
internal sealed class ContentParameters
{
    /// <summary>How the text is encoded, if no mark at its beginning says so; by default UTF-8. A name, a code page's number, or an encoding; "byte" is -AsByteStream.</summary>
    [Parameter]
    [EncodingTransformation]
    public Encoding? Encoding { get; set; }

    /// <summary>Bytes; with -Raw as one array.</summary>
    [Parameter]
    public SwitchParameter AsByteStream { get; set; }

    /// <summary>The text as one string, with its line ends.</summary>
    [Parameter]
    public SwitchParameter Raw { get; set; }

    /// <summary>What stands between two objects; by default a line's end.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Delimiter { get; set; }

    /// <summary>A stream of the file beside its content (NTFS).</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Stream { get; set; }
}
