using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Security;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Transfer;
using ImageBackup.Pipeline;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>
/// The base of cmdlets that work on a repository. It is opened once for the whole pipeline: the one of -Repository,
/// else the connected one, else RESTIC_REPOSITORY's or RESTIC_REPOSITORY_FILE's.
/// </summary>
public abstract partial class RepositoryCmdlet : BackgroundCmdlet
{
    private readonly Dictionary<string, RepositoryConnection> _opened = new(StringComparer.Ordinal);
    private RepositoryConnection? _connection;

    /// <summary>A path, a URL as restic writes it, a name or the object of Connect-ImageRepository; else the connected repository, else RESTIC_REPOSITORY or RESTIC_REPOSITORY_FILE.</summary>
    [Parameter]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public virtual RepositoryArgument? Repository { get; set; }

    /// <summary>The repository's password; else RESTIC_PASSWORD_COMMAND, RESTIC_PASSWORD_FILE, RESTIC_PASSWORD; else it is asked for.</summary>
    [Parameter]
    [ValidateNotNull]
    public virtual SecureString? Password { get; set; }

    /// <summary>The open repository of this command.</summary>
    private protected ImageRepository Opened => Connection.Repository;

    private protected RepositoryConnection Connection => _connection ?? throw NotConnected();

    /// <summary>The command takes objects that say themselves which repository they are from.</summary>
    private protected virtual bool InputNamesRepository => false;

    private protected override void Begin()
    {
        bool isNamed = Repository is not null || SessionConnection.Current is not null || RepositoryLocation.IsInEnvironment;
        if (isNamed || !InputNamesRepository)
            _connection = Open(Repository);
    }

    /// <summary>Keeps images for the end of the command; one that has no id, or whose repository cannot be opened, is an error of its own.</summary>
    private protected void Gather(ImageArgument[]? images, List<ImageArgument> gathered)
    {
        foreach (ImageArgument image in images ?? [])
        {
            Attempt(image.Input, () =>
            {
                _ = image.NeededId;
                _ = RepositoryOf(image);
                gathered.Add(image);
            });
        }
    }

    /// <summary>The command's repository, or the one that an object from the pipeline came from, if that is another.</summary>
    private protected ImageRepository RepositoryOf(ImageArgument image)
    {
        if (Repository is not null || image.Repository is not { } location || location == _connection?.Location)
            return Opened;
        return Use(LocationOf(location)).Repository;
    }

    /// <summary>What was read of the images of a repository that is open here; null: it is not known here.</summary>
    private protected ImageRecordCache? RecordsOf(ImageRepository repository) =>
        _opened.Values.Append(_connection).Concat(SessionConnection.All).FirstOrDefault(c => c is { IsConnected: true } && ReferenceEquals(c.Repository, repository))?.Records;

    /// <summary>Opens what the argument names, or the default.</summary>
    private protected RepositoryConnection Open(RepositoryArgument? argument)
    {
        if (argument?.Connection is { } given)
        {
            _ = given.Repository;
            return given;
        }
        if (argument?.Path is { } path)
            return SessionConnection.Named(path) ?? Use(LocationOf(path));
        if (SessionConnection.Current is { } current)
            return current;
        if (RepositoryLocation.OfEnvironment() is { } variable)
            return Use(LocationOf(variable));
        throw NotConnected();
    }

    /// <summary>The location of -Repository, else of the environment, not opened.</summary>
    private protected StorageLocation NamedLocation() =>
        (Repository?.Path ?? Repository?.Connection?.Location ?? RepositoryLocation.OfEnvironment()) is { } locator ? LocationOf(locator) : throw NotConnected();

    /// <summary>The directory of the command's repository; null if none is named or connected, or it is on a server. Opens nothing.</summary>
    private protected string? LocalPathIfNamed() => Repository is null && SessionConnection.Current is { } current ? current.Repository.LocalPath
        : Repository is not null || RepositoryLocation.IsInEnvironment ? NamedLocation().LocalPath
        : null;

    private StorageLocation LocationOf(string locator) => RepositoryLocation.Parse(locator, ResolvePath, StorageOptionsFor(StorageRegistry.SchemeName(locator)), Limits());

    /// <summary>The options of a storage that the command opens, by restic's names; null: none.</summary>
    /// <param name="scheme">The storage's.</param>
    private protected virtual IReadOnlyDictionary<string, string>? StorageOptionsFor(string scheme) => null;

    /// <summary>How fast a storage that the command opens may be spoken to; null: as fast as it goes.</summary>
    private protected virtual TransferLimits? Limits() => null;

    /// <summary>How large the packs get that are written by a connection which the command opens; null: what RESTIC_PACK_SIZE says, else 16 MiB.</summary>
    private protected virtual int? PackSizeBytes => null;

    /// <exception cref="ImageBackupException">ParameterInvalid: RESTIC_PACK_SIZE cannot be used.</exception>
    private protected int PackSizeToUse() => PackSizeBytes ?? PackSizeVariable.Bytes ?? RepositoryFormat.PackSizeBytes;

    /// <summary>Opens a repository once; a connection of the session serves if it is the same and no other password is given.</summary>
    private RepositoryConnection Use(StorageLocation location)
    {
        if (_opened.TryGetValue(location.DisplayName, out RepositoryConnection? held))
            return held;
        if (Password is null && PasswordFile is null && SessionConnection.At(location.DisplayName) is { } connected)
            return connected;
        RepositoryConnection connection = Connect(location);
        _opened.Add(location.DisplayName, connection);
        return connection;
    }

    /// <summary>Opens a repository for keeping: the caller disposes it.</summary>
    /// <param name="location">Its place.</param>
    /// <param name="keyId">The beginning of the id of the key to try first; null: RESTIC_KEY_HINT.</param>
    private protected RepositoryConnection Connect(StorageLocation location, string? keyId = null) => Connect(location, Password, FullPasswordFile(), isFrom: false, keyId);

    private RepositoryConnection Connect(StorageLocation location, SecureString? given, string? passwordFile, bool isFrom, string? keyId = null)
    {
        int packSizeBytes = PackSizeToUse();
        if (!PasswordSource.IsNamed(given, passwordFile, isFrom))
        {
            // Looked for before the password is asked for: a mistyped path is the likelier mistake.
            RunInBackground("Opening the repository", _ => ImageRepository.ThrowIfNone(location));
            given = PasswordPrompt.Ask(Host, $"Password of the repository '{location}'");
        }
        RepositoryConnection connection = new(RunInBackground("Opening the repository", channel =>
        {
            if (location.LocalPath is { } path && !Directory.Exists(path))
                throw new ImageBackupException(ErrorId.RepositoryNotFound, $"There is no repository at '{path}'.", path);
            using RepositoryPassword password = PasswordSource.Resolve(given, passwordFile, Stop, isFrom);
            channel.WriteVerbose($"Opening the repository '{location}'.");
            // A key is derived by one processor; the others may as well get ready for what will be done with it.
            JitWarmup.Begin();
            ImageRepository opened = ImageRepository.Open(location, password, keyId ?? (isFrom ? RepositoryConnection.FromKeyHint : RepositoryConnection.KeyHint), Stop);
            opened.Files.PackSizeBytes = packSizeBytes;
            return opened;
        }));
        if (!IsWhatIf)
            RecentRepositories.Own.Note(connection.Location);
        return connection;
    }

    /// <summary>What no index lists may lie in a pack all the same: then a repair is the remedy.</summary>
    private protected override Exception Explained(Exception failure)
    {
        if (failure is not MissingBlobException missing)
            return failure;
        foreach (RepositoryConnection connection in _opened.Values.Concat(_connection is null ? [] : [_connection]))
        {
            ImageBackupException explained = UnlistedPacks.Explain(connection.Repository, missing, Stop);
            if (!ReferenceEquals(explained, missing))
                return explained;
        }
        return failure;
    }

    private static ImageBackupException NotConnected() =>
        new(ErrorId.RepositoryNotConnected, "The command names no repository, and none is connected.");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (RepositoryConnection connection in _opened.Values)
                connection.Dispose();
            _opened.Clear();
        }
        base.Dispose(disposing);
    }
}
