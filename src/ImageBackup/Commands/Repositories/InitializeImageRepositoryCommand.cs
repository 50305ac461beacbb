using System.Management.Automation;
using System.Security;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Storage;
using ImageBackup.Pipeline;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>Creates a repository and gives it open; Connect-ImageRepository makes it the session's default.</summary>
[Cmdlet(VerbsData.Initialize, "ImageRepository", SupportsShouldProcess = true)]
[OutputType(typeof(RepositoryConnection))]
public sealed class InitializeImageRepositoryCommand : StorageOptionCmdlet
{
    /// <summary>Where to create it: an absent or empty directory; else RESTIC_REPOSITORY.</summary>
    [Parameter(Position = 0)]
    [Alias("Path")]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public override RepositoryArgument? Repository { get; set; }

    private protected override void Begin()
    {
        if (Repository?.Connection is { } existing)
            throw new ImageBackupException(ErrorId.RepositoryExists, $"The repository '{existing.Location}' exists.", existing.Location);
        StorageLocation location = NamedLocation();
        if (!ShouldProcess(location.DisplayName, "Create repository"))
        {
            CheckOnly(location);
            return;
        }
        int packSizeBytes = PackSizeToUse();
        string? passwordFile = FullPasswordFile();
        SecureString? given = Given(location, passwordFile);
        ImageRepository created = RunInBackground("Creating the repository", channel =>
        {
            using RepositoryPassword password = PasswordSource.Resolve(given, passwordFile, Stop);
            channel.WriteVerbose($"Creating the repository '{location}'.");
            ImageRepository repository = ImageRepository.Create(location, password, Stop);
            repository.Files.PackSizeBytes = packSizeBytes;
            return repository;
        });
        RecentRepositories.Own.Note(created.Location);
        WriteObject(new RepositoryConnection(created));
    }

    /// <summary>-WhatIf: what would have failed fails, and nothing is written.</summary>
    private void CheckOnly(StorageLocation location)
    {
        string? passwordFile = FullPasswordFile();
        SecureString? given = Given(location, passwordFile);
        RunInBackground("Creating the repository", _ =>
        {
            ImageRepository.ThrowIfTaken(location);
            PasswordSource.Resolve(given, passwordFile, Stop).Dispose();
        });
    }

    /// <summary>-Password, or what is typed if nothing else names a password.</summary>
    private SecureString? Given(StorageLocation location, string? passwordFile)
    {
        if (PasswordSource.IsNamed(Password, passwordFile))
            return Password;
        // Nobody types a password twice for a place that is taken.
        RunInBackground("Creating the repository", _ => ImageRepository.ThrowIfTaken(location));
        return PasswordPrompt.AskTwice(Host, $"Password of the new repository '{location}'");
    }
}
