using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository;

/// <summary>An open repository in restic's format. Safe for use from several threads.</summary>
internal sealed class ImageRepository : IDisposable
{
    private readonly SealerPool _sealers;
    private readonly LockDirectory _locks;
    private bool _disposed;

    private ImageRepository(RepositoryFiles files, RepositoryConfig config, SealerPool sealers, string keyName)
    {
        Files = files;
        Id = config.Id;
        FormatVersion = config.Version;
        ChunkerPolynomial = config.ChunkerPolynomial;
        KeyName = keyName;
        _sealers = sealers;
        _locks = new LockDirectory(files, _sealers, config.Version);
    }

    /// <summary>As given when it was opened, made absolute.</summary>
    public string Location => Files.Location;

    /// <summary>Directories of this machine that the repository needs: its own, or the one in which files wait for a server.</summary>
    public IReadOnlyList<string> LocalPaths => [Files.LocalPath ?? Path.GetTempPath()];

    /// <summary>The repository's directory; null: it is on a server.</summary>
    public string? LocalPath => Files.LocalPath;

    /// <summary>The repository's id: 64 hexadecimal digits.</summary>
    public string Id { get; }

    public int FormatVersion { get; }

    /// <summary>By what restic cuts files; this module's images are cut at fixed places.</summary>
    internal string ChunkerPolynomial { get; }

    /// <summary>The name of the key that the password opened.</summary>
    public string KeyName { get; private set; }

    internal RepositoryFiles Files { get; }

    internal SealerPool Sealers => _disposed ? throw new ObjectDisposedException(nameof(ImageRepository)) : _sealers;

    /// <summary>Creates a repository of format 2 in an empty or absent directory, and opens it.</summary>
    /// <exception cref="ImageBackupException">RepositoryExists, PasswordMissing, or a storage failure.</exception>
    public static ImageRepository Create(StorageLocation location, RepositoryPassword password, CancellationToken cancellation)
    {
        if (password.IsEmpty)
            throw new ImageBackupException(ErrorId.PasswordMissing, "A repository cannot be created with an empty password.", location.DisplayName);
        return Create(StorageAt(location), password, cancellation);
    }

    /// <summary>As <see cref="Create(StorageLocation, RepositoryPassword, CancellationToken)"/>, in a directory.</summary>
    public static ImageRepository Create(string path, RepositoryPassword password, CancellationToken cancellation) =>
        Create(StorageLocation.OfPath(path), password, cancellation);

    /// <summary>Throws if a repository cannot be created at the location. Changes nothing.</summary>
    /// <exception cref="ImageBackupException">RepositoryExists, RepositoryAccessDenied.</exception>
    public static void ThrowIfTaken(StorageLocation location)
    {
        if (location.LocalPath is { } path)
        {
            RepositoryPlace.ThrowIfTaken(path);
            return;
        }
        using var files = new RepositoryFiles(StorageAt(location));
        ThrowIfTaken(files);
    }

    private static void ThrowIfTaken(RepositoryFiles files)
    {
        try
        {
            if (files.Exists(StoredKind.Config, ""))
                throw Exists(files);
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.StorageContainerMissing)
        {
            // The creation makes the bucket.
            return;
        }
        if (files.LocalPath is { } path)
            RepositoryPlace.ThrowIfTaken(path);
        // What a creation writes before the 'config' may be there, as in a directory; a snapshot record or a pack may not.
        else if (HasAny(files, StoredKind.Snapshot) || HasAny(files, StoredKind.Index))
            throw new ImageBackupException(ErrorId.RepositoryExists, $"'{files.Location}' holds a part of a repository that has no 'config'.", files.Location);
    }

    private static bool HasAny(RepositoryFiles files, StoredKind kind)
    {
        try
        {
            return files.List(kind, mustExist: false).Any();
        }
        catch (ImageBackupException e) when (e.InnerException is StorageException { Problem: StorageProblem.Gone })
        {
            return false;
        }
    }

    internal static ImageRepository Create(IStorage storage, RepositoryPassword password, CancellationToken cancellation)
    {
        var files = new RepositoryFiles(storage);
        SealerPool? sealers = null;
        try
        {
            ThrowIfTaken(files);
            cancellation.ThrowIfCancellationRequested();
            files.CreateLayout();
            files.RemoveAbandonedUploads();
            sealers = new SealerPool(MasterKey.Generate());
            RepositoryConfig config = RepositoryConfig.Create();
            string keyName = KeyRing.Add(files, sealers.Key, password);
            // The config comes last: without it, the directory is not a repository yet.
            files.SaveSealed(StoredKind.Config, config.Write(), config.Version, sealers);
            if (!IsOwn(files, config, sealers))
            {
                files.Delete(StoredKind.Key, keyName);
                throw Exists(files);
            }
            // Other keys are of creations that ended half way, or came second: nothing was ever sealed with what they hold.
            foreach (StoredFile left in files.List(StoredKind.Key).Where(key => key.Name != keyName).ToList())
                files.Delete(StoredKind.Key, left.Name);
            UseCache(files, config.Id);
            return new ImageRepository(files, config, sealers, keyName);
        }
        catch
        {
            sealers?.Dispose();
            storage.Dispose();
            throw;
        }
    }

    /// <summary>A config that is there already is not overwritten: of two creations at the same moment, one finds the other's.</summary>
    private static bool IsOwn(RepositoryFiles files, RepositoryConfig own, SealerPool sealers) =>
        sealers.Open(files.Load(StoredKind.Config, "")) is { } plain && RepositoryConfig.Read(plain).Id == own.Id;

    private static ImageBackupException Exists(RepositoryFiles files) =>
        new(ErrorId.RepositoryExists, $"'{files.Location}' already holds a repository.", files.Location);

    /// <summary>Opens the repository in a directory.</summary>
    /// <exception cref="ImageBackupException">RepositoryNotFound, RepositoryInvalid, RepositoryVersionUnsupported, WrongPassword, KeyCorrupt, RepositoryAccessDenied.</exception>
    public static ImageRepository Open(string path, RepositoryPassword password, CancellationToken cancellation) =>
        Open(StorageLocation.OfPath(path), password, keyHint: null, cancellation);

    /// <summary>Opens the repository in a directory.</summary>
    /// <exception cref="ImageBackupException">As above; KeysNotTried.</exception>
    public static ImageRepository Open(string path, RepositoryPassword password, string? keyHint, CancellationToken cancellation) =>
        Open(StorageLocation.OfPath(path), password, keyHint, cancellation);

    /// <summary>Opens the repository at a location.</summary>

    /// <param name="location">The repository's place.</param>
    /// <param name="password">A password of it.</param>
    /// <param name="keyHint">The beginning of the id of the key that is tried first; null: none is known.</param>
    /// <param name="cancellation">Ends it at once, also while a key is derived.</param>
    /// <exception cref="ImageBackupException">As above; KeysNotTried.</exception>
    public static ImageRepository Open(StorageLocation location, RepositoryPassword password, string? keyHint, CancellationToken cancellation) =>
        Open(StorageAt(location), password, cancellation, keyHint);

    private static IStorage StorageAt(StorageLocation location)
    {
        try
        {
            return StorageRegistry.Open(location);
        }
        catch (FormatException e)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid, e.Message, location.DisplayName, e);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or PathTooLongException)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{location}' is not a directory's path.", location.DisplayName, e);
        }
    }

    internal static ImageRepository Open(IStorage storage, RepositoryPassword password, CancellationToken cancellation, string? keyHint = null)
    {
        var files = new RepositoryFiles(storage);
        MasterKey? master = null;
        try
        {
            var ahead = ListsAhead.Begin(files, StoredKind.Key);
            byte[] sealedConfig = LoadConfig(files);
            (master, string keyName) = KeyRing.Open(files, password, key => Opens(key, sealedConfig), cancellation, keyHint, ahead);
            var sealers = new SealerPool(master);
            RepositoryConfig config;
            try
            {
                config = RepositoryConfig.Read(files.OpenSealed(StoredKind.Config, "", sealedConfig, sealers));
            }
            catch (FormatException e)
            {
                throw new ImageBackupException(ErrorId.RepositoryInvalid, $"The 'config' of '{files.Location}' cannot be used: {e.Message}", files.Location, e);
            }
            if (config.Version is < RepositoryFormat.OldestVersion or > RepositoryFormat.Version)
            {
                throw new ImageBackupException(ErrorId.RepositoryVersionUnsupported,
                    $"The repository '{files.Location}' has format version {config.Version}; versions 1 (reading) and 2 are known.", files.Location);
            }
            UseCache(files, config.Id);
            return new ImageRepository(files, config, sealers, keyName);
        }
        catch
        {
            master?.Dispose();
            storage.Dispose();
            throw;
        }
    }

    /// <summary>A server is not asked first whether it is there: that is a round trip.</summary>
    private static byte[] LoadConfig(RepositoryFiles files)
    {
        if (!files.Traits.IsRemote)
            ThrowIfNone(files);
        try
        {
            return files.Load(StoredKind.Config, "");
        }
        catch (ImageBackupException e) when (e.InnerException is StorageException { Problem: StorageProblem.NotFound })
        {
            ThrowIfNone(files);
            throw;
        }
    }

    /// <summary>Only of a server: reading a directory costs no more than reading a cache.</summary>
    private static void UseCache(RepositoryFiles files, string id)
    {
        if (files.Traits.IsRemote && RepositoryCache.Open(RepositoryCache.DefaultBase(), id) is { } cache)
            files.UseCache(cache);
    }

    private static bool Opens(MasterKey key, byte[] sealedConfig)
    {
        using var sealer = new Sealer(key);
        return sealedConfig.Length >= Sealer.OverheadBytes && sealer.TryOpen(sealedConfig, new byte[sealedConfig.Length - Sealer.OverheadBytes]);
    }

    /// <summary>Throws if there is no repository at the location, before anybody is asked for a password.</summary>
    /// <exception cref="ImageBackupException">RepositoryNotFound, RepositoryInvalid, ParameterInvalid, a storage failure.</exception>
    public static void ThrowIfNone(StorageLocation location)
    {
        if (location.LocalPath is { } path && !Directory.Exists(path))
            throw new ImageBackupException(ErrorId.RepositoryNotFound, $"There is no repository at '{path}'.", path);
        using var files = new RepositoryFiles(StorageAt(location));
        ThrowIfNone(files);
    }

    private static void ThrowIfNone(RepositoryFiles files)
    {
        if (files.Exists(StoredKind.Config, ""))
            return;
        if (files.LocalPath is { } path && !Directory.Exists(path))
            throw new ImageBackupException(ErrorId.RepositoryNotFound, $"There is no directory '{path}'.", path);
        bool looksLikeOne = files.List(StoredKind.Key, mustExist: false).Any();
        throw looksLikeOne
            ? new ImageBackupException(ErrorId.RepositoryInvalid, $"{Place(files)} has keys but no 'config'.", files.Location)
            {
                RecommendedAction = "If its creation was interrupted, run Initialize-ImageRepository again; else restore its 'config' from a copy.",
            }
            : new ImageBackupException(ErrorId.RepositoryNotFound, $"{Place(files)} holds no repository (it has no 'config').", files.Location);
    }

    private static string Place(RepositoryFiles files) => files.LocalPath is null ? $"'{files.Location}'" : $"The directory '{files.Location}'";

    /// <inheritdoc cref="RepositoryFiles.IsReachable"/>
    internal bool IsReachable() => Files.IsReachable();

    /// <summary>The repository's keys, oldest first; damaged ones with what is wrong with them.</summary>
    public IReadOnlyList<RepositoryKeyInfo> Keys() => KeyRing.List(Files, KeyName);

    /// <summary>Adds a password that opens the repository.</summary>
    /// <exception cref="ImageBackupException">PasswordMissing, NotSupported (too many keys), RepositoryLocked, RepositoryWriteFailed, a storage failure.</exception>
    public RepositoryKeyInfo AddKey(RepositoryPassword password, CancellationToken cancellation, string? label = null)
    {
        CheckNewKey(password, label);
        using RepositoryLock held = Lock(isExclusive: false, cancellation);
        KeyRing.ThrowIfFull(Files);
        return KeyRing.AddProven(Files, Sealers.Key, password, KeyName, label);
    }

    /// <summary>Throws if <see cref="AddKey"/> would. Writes nothing.</summary>
    /// <exception cref="ImageBackupException">PasswordMissing, ParameterInvalid, NotSupported (too many keys), RepositoryLocked, RepositoryVersionUnsupported.</exception>
    public void CheckNewKey(RepositoryPassword password, string? label)
    {
        KeyRing.ThrowIfUnfit(Files, password, label);
        KeyRing.ThrowIfFull(Files);
        CheckChange(isExclusive: false);
    }

    /// <summary>
    /// Puts a new password in the place of the one that opened the repository. The new key is durable and was read back before the old
    /// one goes, so that a crash leaves one of them, or both. This object goes on with the new one.
    /// </summary>
    /// <param name="password">The new password.</param>
    /// <param name="label">The new key's; null: the old key's.</param>
    /// <param name="cancellation">Ends the waiting for the lock.</param>
    /// <exception cref="ImageBackupException">PasswordMissing, ParameterInvalid, RepositoryLocked, RepositoryWriteFailed, a storage failure.</exception>
    public RepositoryKeyInfo ChangePassword(RepositoryPassword password, string? label, CancellationToken cancellation)
    {
        CheckNewPassword(password, label);
        using RepositoryLock held = Lock(isExclusive: true, cancellation);
        string oldName = KeyName;
        RepositoryKeyInfo added = KeyRing.AddProven(Files, Sealers.Key, password, oldName, label ?? KeyRing.Info(Files, oldName, oldName).Label);
        KeyName = added.Id;
        try
        {
            KeyRing.Remove(Files, oldName, KeyName);
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.KeyNotFound)
        {
            // Somebody removed it meanwhile.
        }
        catch (ImageBackupException e)
        {
            throw new ImageBackupException(e.Id,
                $"The new password opens the repository '{Location}', and the old one still does, because the key {DisplayText.ShortId(oldName)} could not be removed: {e.Message}", Location, e)
            {
                RecommendedAction = $"Remove the old key with Remove-ImageRepositoryKey {DisplayText.ShortId(oldName)}.",
            };
        }
        return added with { IsCurrent = true };
    }

    /// <summary>Throws if <see cref="ChangePassword"/> would. Writes nothing.</summary>
    /// <exception cref="ImageBackupException">PasswordMissing, ParameterInvalid, RepositoryLocked, RepositoryVersionUnsupported.</exception>
    public void CheckNewPassword(RepositoryPassword password, string? label)
    {
        KeyRing.ThrowIfUnfit(Files, password, label);
        CheckChange(isExclusive: true);
    }

    /// <summary>Removes a key by its whole id; never the one that opened the repository.</summary>
    /// <exception cref="ImageBackupException">KeyInUse, KeyIsLast, KeyNotFound, RepositoryLocked, a storage failure.</exception>
    public void RemoveKey(string id, CancellationToken cancellation)
    {
        ThrowIfNotWritable();
        if (!BlobId.TryParse(id, out _))
            throw new ImageBackupException(ErrorId.KeyNotFound, $"'{id}' is not a key's id.", id);
        using RepositoryLock held = Lock(isExclusive: true, cancellation);
        KeyRing.Remove(Files, id, KeyName);
    }

    /// <summary>The locks that lie in the repository.</summary>
    /// <param name="isTolerant">A lock that the disk or the system does not let us read is listed as one that cannot be read.</param>
    public IReadOnlyList<RepositoryLockInfo> Locks(bool isTolerant = false) => _locks.List(DateTimeOffset.Now, isTolerant);

    /// <summary>Removes stale locks, or with <paramref name="all"/> every lock. Returns what was removed.</summary>
    public IReadOnlyList<RepositoryLockInfo> RemoveLocks(bool all, CancellationToken cancellation) =>
        RemoveLocks(found => all || found.IsStale, cancellation).Removed;

    /// <summary>Removes the locks of which that is said, and tells which were removed and which stay.</summary>
    public (IReadOnlyList<RepositoryLockInfo> Removed, IReadOnlyList<RepositoryLockInfo> Kept) RemoveLocks(Predicate<RepositoryLockInfo> isToGo, CancellationToken cancellation)
    {
        if (isToGo is null)
            throw new ArgumentNullException(nameof(isToGo));
        var removed = new List<RepositoryLockInfo>();
        var kept = new List<RepositoryLockInfo>();
        foreach (RepositoryLockInfo found in _locks.List(DateTimeOffset.Now, isTolerant: true))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!isToGo(found))
            {
                kept.Add(found);
                continue;
            }
            _locks.Delete(found.Id);
            removed.Add(found);
        }
        return (removed, kept);
    }

    /// <summary>Of the locks taken from now on.</summary>
    internal LockTiming LockTiming { get; set; } = LockTiming.Restic;

    /// <summary>Takes a lock; see <see cref="RepositoryLock.Acquire"/>.</summary>
    internal RepositoryLock Lock(bool isExclusive, CancellationToken cancellation, Action? meanwhile = null)
    {
        if (!isExclusive)
            return RepositoryLock.Acquire(_locks, isExclusive, LockTiming, cancellation, meanwhile);
        // Who locks for himself alone is about to remove something.
        ListsAhead ahead = _locks.BeginList();
        Files.ThrowIfRemovalForbidden();
        return RepositoryLock.Acquire(_locks, isExclusive, LockTiming, cancellation, meanwhile, ahead);
    }

    /// <summary>Begins a shared lock that settles while the work begins; see <see cref="RepositoryLock.Begin"/>.</summary>
    internal RepositoryLock BeginLock() => RepositoryLock.Begin(_locks, isExclusive: false, LockTiming);

    /// <summary>
    /// Takes a shared lock for reading; null if the repository's storage is read-only for us (restore media, a mounted
    /// backup of the repository, a reader without write rights): then nothing can be locked, and the caller says so.
    /// </summary>
    internal RepositoryLock? LockForReading(CancellationToken cancellation, Action? meanwhile = null) =>
        UnlessReadOnly(() => Lock(isExclusive: false, cancellation, meanwhile));

    /// <summary>As <see cref="LockForReading"/>; it settles while the work begins (<see cref="RepositoryLock.Settle"/>).</summary>
    internal RepositoryLock? BeginLockForReading() => UnlessReadOnly(BeginLock);

    private RepositoryLock? UnlessReadOnly(Func<RepositoryLock> take)
    {
        try
        {
            return take();
        }
        catch (ImageBackupException e) when (e.Id is ErrorId.RepositoryReadOnly or ErrorId.RepositoryAccessDenied)
        {
            // A server was not looked at before.
            if (Files.Traits.IsRemote)
                ThrowIfLocked(isExclusive: false);
            return null;
        }
    }

    /// <exception cref="ImageBackupException">RepositoryVersionUnsupported: format 1 is read, not written.</exception>
    internal void ThrowIfNotWritable()
    {
        if (FormatVersion != RepositoryFormat.Version)
        {
            throw new ImageBackupException(ErrorId.RepositoryVersionUnsupported,
                $"The repository '{Location}' has format version {FormatVersion}, which is read but not written.", Location);
        }
    }

    /// <summary>Throws if another lock stands in the way of one that would be taken now. Nothing is written or removed.</summary>
    /// <exception cref="ImageBackupException">RepositoryLocked.</exception>
    internal void ThrowIfLocked(bool isExclusive) => _locks.ThrowIfHeld(isExclusive, DateTimeOffset.Now);

    /// <summary>Throws if a command that changes the repository would, before its first change. Nothing is written.</summary>
    /// <exception cref="ImageBackupException">RepositoryVersionUnsupported, RepositoryLocked.</exception>
    internal void CheckChange(bool isExclusive)
    {
        ThrowIfNotWritable();
        if (isExclusive)
            Files.ThrowIfRemovalForbidden();
        ThrowIfLocked(isExclusive);
    }

    /// <summary>Throws if <see cref="RemoveKey"/> would. Nothing is written.</summary>
    /// <exception cref="ImageBackupException">KeyInUse, KeyIsLast, KeyNotFound, RepositoryLocked, RepositoryVersionUnsupported.</exception>
    public void CheckRemovalOfKey(string id)
    {
        CheckChange(isExclusive: true);
        KeyRing.ThrowIfNeeded(Files, id, KeyName);
    }

    internal BlobIndex LoadIndex(CancellationToken cancellation) => IndexLoader.Load(Files, Sealers, onError: null, cancellation).Index;

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _sealers.Dispose();
        Files.Dispose();
    }
}
