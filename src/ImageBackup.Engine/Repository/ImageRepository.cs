using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Crypto;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository;

/// <summary>An open repository in restic's format. Safe for use from several threads.</summary>
public sealed class ImageRepository : IDisposable
{
    private readonly SealerPool _sealers;
    private readonly LockDirectory _locks;
    private bool _disposed;

    private ImageRepository(RepositoryFiles files, RepositoryConfig config, SealerPool sealers, string keyName)
    {
        Files = files;
        Id = config.Id;
        FormatVersion = config.Version;
        KeyName = keyName;
        _sealers = sealers;
        _locks = new LockDirectory(files, _sealers, config.Version);
    }

    /// <summary>As given when it was opened, made absolute.</summary>
    public string Location => Files.Location;

    /// <summary>The repository's id: 64 hexadecimal digits.</summary>
    public string Id { get; }

    public int FormatVersion { get; }

    /// <summary>The name of the key that the password opened.</summary>
    public string KeyName { get; }

    internal RepositoryFiles Files { get; }

    internal SealerPool Sealers => _disposed ? throw new ObjectDisposedException(nameof(ImageRepository)) : _sealers;

    /// <summary>Creates a repository of format 2 in an empty or absent directory, and opens it.</summary>
    /// <exception cref="ImageBackupException">RepositoryExists, PasswordMissing, or a storage failure.</exception>
    public static ImageRepository Create(string location, RepositoryPassword password, CancellationToken cancellation)
    {
        if (password.IsEmpty)
            throw new ImageBackupException(ErrorId.PasswordMissing, "A repository cannot be created with an empty password.", location);
        return Create(StorageAt(location), password, cancellation);
    }

    internal static ImageRepository Create(IStorage storage, RepositoryPassword password, CancellationToken cancellation)
    {
        var files = new RepositoryFiles(storage);
        try
        {
            if (files.Guard(StoredKind.Config, () => storage.Exists(StoredKind.Config, "")))
                throw new ImageBackupException(ErrorId.RepositoryExists, $"'{files.Location}' already holds a repository.", files.Location);
            ThrowIfTaken(files.Location);
            cancellation.ThrowIfCancellationRequested();
            files.Guard(StoredKind.Config, storage.CreateLayout);
            var master = MasterKey.Generate();
            RepositoryConfig config = RepositoryConfig.Create();
            string keyName = KeyRing.Add(files, master, password);
            var sealers = new SealerPool(master);
            // The config comes last: without it, the directory is no repository yet.
            files.SaveSealed(StoredKind.Config, config.Write(), config.Version, sealers);
            return new ImageRepository(files, config, sealers, keyName);
        }
        catch
        {
            storage.Dispose();
            throw;
        }
    }

    private static void ThrowIfTaken(string location)
    {
        try
        {
            if (File.Exists(location))
                throw new ImageBackupException(ErrorId.RepositoryExists, $"'{location}' is a file.", location);
            if (Directory.Exists(location) && Directory.EnumerateFileSystemEntries(location).Any())
                throw new ImageBackupException(ErrorId.RepositoryExists, $"The directory '{location}' is not empty.", location);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ImageBackupException(ErrorId.RepositoryAccessDenied, $"The directory '{location}' may not be read.", location, e);
        }
    }

    /// <exception cref="ImageBackupException">RepositoryNotFound, RepositoryInvalid, RepositoryVersionUnsupported, WrongPassword, KeyCorrupt, RepositoryAccessDenied.</exception>
    public static ImageRepository Open(string location, RepositoryPassword password, CancellationToken cancellation) =>
        Open(StorageAt(location), password, cancellation);

    private static IStorage StorageAt(string location)
    {
        try
        {
            return RetryingStorage.At(location);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or PathTooLongException)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{location}' is not a directory's path.", location, e);
        }
    }

    internal static ImageRepository Open(IStorage storage, RepositoryPassword password, CancellationToken cancellation)
    {
        var files = new RepositoryFiles(storage);
        MasterKey? master = null;
        try
        {
            ThrowIfNone(files);
            (master, string keyName) = KeyRing.Open(files, password, cancellation);
            var sealers = new SealerPool(master);
            RepositoryConfig config;
            try
            {
                config = RepositoryConfig.Read(files.LoadSealed(StoredKind.Config, "", sealers));
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
            return new ImageRepository(files, config, sealers, keyName);
        }
        catch
        {
            master?.Dispose();
            storage.Dispose();
            throw;
        }
    }

    private static void ThrowIfNone(RepositoryFiles files)
    {
        if (files.Guard(StoredKind.Config, () => files.Storage.Exists(StoredKind.Config, "")))
            return;
        if (!Directory.Exists(files.Location))
            throw new ImageBackupException(ErrorId.RepositoryNotFound, $"There is no directory '{files.Location}'.", files.Location);
        bool looksLikeOne = files.Guard(StoredKind.Key, () => files.Storage.List(StoredKind.Key).Any());
        throw looksLikeOne
            ? new ImageBackupException(ErrorId.RepositoryInvalid, $"The directory '{files.Location}' has keys but no 'config'.", files.Location)
            : new ImageBackupException(ErrorId.RepositoryNotFound, $"The directory '{files.Location}' holds no repository (it has no 'config').", files.Location);
    }

    /// <summary>Checks the structure; with <paramref name="readData"/> every byte of every pack.</summary>
    public RepositoryCheckResult Check(bool readData, Action<long, long>? progressBytes, CancellationToken cancellation) =>
        Check(new RepositoryCheckOptions { ReadData = readData }, progressBytes, cancellation);

    /// <summary>As <see cref="Check(bool, Action{long, long}, CancellationToken)"/>; may read a share of the packs only.</summary>
    public RepositoryCheckResult Check(RepositoryCheckOptions options, Action<long, long>? progressBytes, CancellationToken cancellation) =>
        new RepositoryChecker(this).Run(options ?? throw new ArgumentNullException(nameof(options)), progressBytes, cancellation);

    /// <summary>Makes a damaged repository usable again; see <see cref="RepositoryRepair"/>.</summary>
    public RepositoryRepairResult Repair(RepositoryRepairOptions options, Action<long, long>? progressBytes, CancellationToken cancellation) =>
        new RepositoryRepair(this, options ?? throw new ArgumentNullException(nameof(options))).Run(progressBytes, cancellation);

    /// <summary>False where not even the file 'config' can be read: it is not one file that is bad, the storage is away.</summary>
    internal bool IsReachable()
    {
        try
        {
            return Files.Load(StoredKind.Config, "").Length > 0;
        }
        catch (ImageBackupException)
        {
            return false;
        }
    }

    /// <summary>The locks that lie in the repository.</summary>
    public IReadOnlyList<RepositoryLockInfo> Locks() => _locks.List(DateTimeOffset.Now);

    /// <summary>Removes stale locks, or with <paramref name="all"/> every lock. Returns what was removed.</summary>
    public IReadOnlyList<RepositoryLockInfo> RemoveLocks(bool all, CancellationToken cancellation)
    {
        var removed = new List<RepositoryLockInfo>();
        foreach (RepositoryLockInfo found in Locks().Where(l => all || l.IsStale))
        {
            cancellation.ThrowIfCancellationRequested();
            _locks.Delete(found.Id);
            removed.Add(found);
        }
        return removed;
    }

    /// <summary>Of the locks taken from now on.</summary>
    internal LockTiming LockTiming { get; set; } = LockTiming.Restic;

    /// <summary>Takes a lock; see <see cref="RepositoryLock.Acquire"/>.</summary>
    internal RepositoryLock Lock(bool isExclusive, CancellationToken cancellation) => RepositoryLock.Acquire(_locks, isExclusive, LockTiming, cancellation);

    /// <summary>
    /// Takes a shared lock for reading; null where the repository's storage is read-only for us (restore media, a mounted
    /// backup of the repository, a reader without write rights): then nothing can be locked, and the caller says so.
    /// </summary>
    internal RepositoryLock? LockForReading(CancellationToken cancellation)
    {
        try
        {
            return Lock(isExclusive: false, cancellation);
        }
        catch (ImageBackupException e) when (e.Id is ErrorId.RepositoryReadOnly or ErrorId.RepositoryAccessDenied)
        {
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

    internal BlobIndex LoadIndex(CancellationToken cancellation) => IndexLoader.Load(Files, Sealers, onError: null, cancellation).Index;

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _sealers.Dispose();
        Files.Storage.Dispose();
    }
}
