using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Provider;
using System.Security;
using System.Threading;
using ImageBackup.Engine.Items.Drive;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Pipeline;
using ImageBackup.Session;

namespace ImageBackup.Drive;

/// <summary>
/// The files in the images of a repository as a drive: computer, volume, image, and what is in it. Nothing on it can be changed. It
/// has no drive by default. A path without a drive (ImageBackup::/srv/repository/computer) is found by what it begins with.
/// </summary>
[CmdletProvider("ImageBackup", ProviderCapabilities.Filter | ProviderCapabilities.Credentials | ProviderCapabilities.ShouldProcess)]
public sealed partial class ImageBackupProvider : NavigationCmdletProvider, IContentCmdletProvider, IPropertyCmdletProvider, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();

    private CancellationToken StopToken => _stopping.Token;

    /// <summary>A place that a path names: the repository, and the names that lead on from its root, escaped.</summary>
    private readonly record struct Place(BrowsedRepository Browsed, IReadOnlyList<string> Names);

    protected override void StopProcessing() => _stopping.Cancel();

    public void Dispose() => _stopping.Dispose();

    /// <summary>The module goes: so does what paths without a drive have opened. PowerShell removes the drives.</summary>
    protected override void Stop()
    {
        foreach (BrowsedRepository browsed in SessionConnection.Browsed)
            Close(browsed);
        base.Stop();
    }

    protected override object NewDriveDynamicParameters() => new NewDriveParameters();

    /// <summary>Opens the repository that the root names: a path, one of a drive of images, a connection's name, or nothing for the connected one.</summary>
    protected override PSDriveInfo NewDrive(PSDriveInfo drive)
    {
        if (drive is null)
            throw new ArgumentNullException(nameof(drive));
        try
        {
            Place place = PlaceOfRoot(drive.Root, drive.Credential?.Password is { Length: > 0 } secret ? secret : null);
            try
            {
                using DriveLease? lease = place.Browsed.Tree.Acquire(place.Names, StopToken);
                if (lease is not { Node.IsContainer: true })
                    throw new ImageBackupException(ErrorId.ItemNotFound, $"'{drive.Root}' names no directory: '{place.Browsed.Connection.Location}' has no '{string.Join("/", place.Names)}'.", drive.Root);
                place.Browsed.DriveCount++;
                return new ImageDriveInfo(drive, place.Browsed.PathOf(lease.Node.PathNames), place.Browsed);
            }
            catch
            {
                if (place.Browsed.DriveCount == 0)
                    Close(place.Browsed);
                throw;
            }
        }
        catch (Exception failure) when (failure is ImageBackupException or OperationCanceledException)
        {
            throw Thrown(failure, drive.Root);
        }
    }

    protected override PSDriveInfo RemoveDrive(PSDriveInfo drive)
    {
        if (drive is ImageDriveInfo { Browsed: { } browsed } && --browsed.DriveCount <= 0)
            Close(browsed);
        return drive!;
    }

    private static void Close(BrowsedRepository browsed)
    {
        SessionConnection.Remove(browsed);
        browsed.Dispose();
    }

    private Place PlaceOfRoot(string root, SecureString? credential)
    {
        var parameters = DynamicParameters as NewDriveParameters;
        SecureString? password = parameters?.Password ?? credential;
        string? passwordFile = parameters?.PasswordFile is { } file ? FullPath(file) : null;
        if (root.Length == 0)
            root = SessionConnection.Current?.Location ?? RepositoryLocation.OfEnvironment() ?? throw new ImageBackupException(ErrorId.RepositoryNotConnected, "The drive's root names no repository, and none is connected.");
        if (SessionConnection.Named(root) is { } named)
            return new Place(Browse(named, isOwner: false), []);
        if (!StorageRegistry.HasScheme(root) && DrivePaths.IsOnDrive(SessionState, root))
            return PlaceOf(SessionState.Path.GetUnresolvedProviderPathFromPSPath(root));
        StorageLocation location = RepositoryLocation.Parse(root, FullPath);
        IReadOnlyList<string> names = [];
        if (location.LocalPath is { } path && BrowsedRepository.Find(path) is { } found)
            (location, names) = (new StorageLocation(StorageLocation.LocalScheme, found.Location), found.Names);
        else
            ImageRepository.ThrowIfNone(location);
        if (password is null && passwordFile is null && SessionConnection.At(location.DisplayName) is { } open)
            return new Place(Browse(open, isOwner: false), names);
        if (!PasswordSource.IsNamed(password, passwordFile))
            password = PasswordPrompt.Ask(Host, $"Password of the repository '{location}'");
        return new Place(Browse(Connect(location, password, passwordFile), isOwner: true), names);
    }

    private string FullPath(string path)
    {
        string full = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
        return provider.Name == "FileSystem" ? full
            : throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{path}' is not a path of the file system but of the provider {provider.Name}.", path);
    }

    private RepositoryConnection Connect(StorageLocation location, SecureString? given, string? passwordFile)
    {
        using RepositoryPassword password = PasswordSource.Resolve(given, passwordFile, StopToken);
        WriteVerbose($"Opening the repository '{location}'.");
        JitWarmup.Begin();
        var connection = new RepositoryConnection(ImageRepository.Open(location, password, RepositoryConnection.KeyHint, StopToken));
        RecentRepositories.Own.Note(connection.Location);
        return connection;
    }

    private static BrowsedRepository Browse(RepositoryConnection connection, bool isOwner)
    {
        // Two drives of one repository share what was read of it.
        if (SessionConnection.Browsed.FirstOrDefault(each => ReferenceEquals(each.Connection, connection)) is { } known)
            return known;
        var browsed = new BrowsedRepository(connection, isOwner);
        SessionConnection.Add(browsed);
        return browsed;
    }

    /// <summary>The place that a path names: on the drive, else on one whose root it begins with, else in a repository that it begins with.</summary>
    /// <exception cref="ImageBackupException">RepositoryNotFound, or why it cannot be opened.</exception>
    private Place PlaceOf(string path)
    {
        if (PSDriveInfo is ImageDriveInfo drive && drive.Browsed.NamesOf(path) is { } onDrive)
            return new Place(drive.Browsed, onDrive);
        if (PSDriveInfo is ImageDriveInfo given && !path.StartsWith(given.Root, StringComparison.Ordinal) && given.Browsed.NamesOf(given.Root) is { } top)
            path = given.Browsed.PathOf([.. top, .. DriveNames.Split(path)]);
        foreach (BrowsedRepository browsed in SessionConnection.Browsed.Where(each => each.Connection.IsConnected).OrderByDescending(each => each.RootLength))
        {
            if (browsed.NamesOf(path) is { } names)
                return new Place(browsed, names);
        }
        if (BrowsedRepository.Find(path) is not { } found)
            throw new ImageBackupException(ErrorId.RepositoryNotFound, $"There is no repository at the beginning of '{path}'.", path);
        SecureString? credential = Credential?.Password is { Length: > 0 } secret ? secret : null;
        RepositoryConnection? open = credential is null ? SessionConnection.At(found.Location) : null;
        return new Place(Browse(open ?? Connect(new StorageLocation(StorageLocation.LocalScheme, found.Location), credential, null), isOwner: open is null), found.Names);
    }

    /// <summary>Answers a question of the engine, which has no room for an error but the one that ends the command.</summary>
    private T Answer<T>(string path, Func<Place, T> answer)
    {
        Exception failure;
        try
        {
            return answer(PlaceOf(path));
        }
        catch (Exception e) when (e is ImageBackupException or OperationCanceledException)
        {
            failure = e;
        }
        throw Thrown(failure, path);
    }

    /// <summary>Does what a command is for, with one path; a failure is an error of that path, and the others follow.</summary>
    private void Attempt(string path, Action<Place> action)
    {
        try
        {
            action(PlaceOf(path));
        }
        catch (Exception e) when (e is ImageBackupException or OperationCanceledException)
        {
            ThrowIfStopping(e);
            WriteError(ErrorRecords.From(Explained(e), path));
        }
    }

    /// <summary>PowerShell takes the error's id from the record.</summary>
    private RuntimeException Thrown(Exception failure, object target)
    {
        ThrowIfStopping(failure);
        Exception explained = Explained(failure);
        return new RuntimeException(explained.Message, explained, ErrorRecords.From(explained, target));
    }

    private void ThrowIfStopping(Exception failure)
    {
        if (failure is OperationCanceledException or ImageBackupException { Id: ErrorId.Cancelled } && (Stopping || _stopping.IsCancellationRequested))
            throw new PipelineStoppedException();
    }

    /// <summary>What no index lists may lie in a pack all the same: then a repair is the remedy.</summary>
    private Exception Explained(Exception failure)
    {
        if (failure is not MissingBlobException missing)
            return failure;
        foreach (BrowsedRepository browsed in SessionConnection.Browsed.Where(each => each.Connection.IsConnected))
        {
            ImageBackupException explained = UnlistedPacks.Explain(browsed.Connection.Repository, missing, StopToken);
            if (!ReferenceEquals(explained, missing))
                return explained;
        }
        return failure;
    }
}
