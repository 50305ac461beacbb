using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Compression;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Files;

/// <summary>
/// The repository's view of its storage: sealed, hashed and encoded files (design.rst, "Unpacked Data Format"), and
/// storage failures turned into errors that a user can act on. Everything in this layer goes through here. Any thread.
/// </summary>
internal sealed class RepositoryFiles(IStorage storage) : IDisposable
{
    private static readonly object s_large = new();

    private IStorage _storage = storage;
    private CachedStorage? _cached;

    /// <summary>For people: the path, or the URL without its password.</summary>
    public string Location => _storage.Location.DisplayName;

    /// <summary>The directory's path; null: it is on a server.</summary>
    public string? LocalPath => _storage.Location.LocalPath;

    /// <summary>Packs that are written from now on are closed once they reach this many bytes. Set before other threads come.</summary>
    public int PackSizeBytes { get; set; } = RepositoryFormat.PackSizeBytes;

    public StorageTraits Traits => _storage.Traits;

    /// <summary>How packs are best read from this storage.</summary>
    public ReadShape ReadShape => _storage.Traits is { IsRemote: true } remote ? ReadShape.Remote with { QueueDepth = remote.Connections } : ReadShape.Local;

    /// <summary>So many files are removed at once: of a server each is a round trip; of a directory one after another, in their order.</summary>
    public int RemovalThreadCount => _storage.Traits.IsRemote ? _storage.Traits.Connections : 1;

    /// <summary>From now on index files, snapshot records and packs of trees are kept in a cache. Called once, before other threads come.</summary>
    public void UseCache(RepositoryCache cache) => _storage = _cached = new CachedStorage(_storage, cache);

    /// <summary>Runs a storage call; a <see cref="StorageException"/> becomes an <see cref="ImageBackupException"/>.</summary>
    private T Guard<T>(StoredKind kind, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (StorageException e)
        {
            throw Translate(kind, e);
        }
    }

    /// <summary>A call that changes something: it is given a moment if the command is stopped, for much of what comes then tidies up.</summary>
    private void Change(StoredKind kind, Action<CancellationToken> action) => Guard(kind, () =>
    {
        using ChangingCall call = PendingCalls.BeginChange();
        action(call.Token);
        return true;
    });

    internal ImageBackupException Translate(StoredKind kind, StorageException e)
    {
        ErrorId id = e.Problem switch
        {
            StorageProblem.AccessDenied => ErrorId.RepositoryAccessDenied,
            StorageProblem.ReadOnly => ErrorId.RepositoryReadOnly,
            StorageProblem.Full => ErrorId.RepositoryFull,
            StorageProblem.WriteError => ErrorId.RepositoryWriteFailed,
            StorageProblem.ReadError or StorageProblem.Gone => ErrorId.RepositoryReadFailed,
            StorageProblem.Linked => ErrorId.RepositoryLinked,
            StorageProblem.Unreachable => ErrorId.StorageUnreachable,
            StorageProblem.Untrusted => ErrorId.StorageUntrusted,
            StorageProblem.LoginRefused => ErrorId.StorageLoginRefused,
            StorageProblem.RemovalForbidden => ErrorId.StorageForbidsRemoval,
            StorageProblem.NoContainer => ErrorId.StorageContainerMissing,
            StorageProblem.NoObjectLock => ErrorId.StorageObjectLockMissing,
            StorageProblem.WrongRegion => ErrorId.StorageWrongRegion,
            StorageProblem.ClockSkewed => ErrorId.StorageClockSkewed,
            StorageProblem.LoginExpired => ErrorId.StorageLoginExpired,
            StorageProblem.NoProgram => ErrorId.StorageProgramMissing,
            StorageProblem.NotADirectory => ErrorId.RepositoryInvalid,
            _ => CorruptId(kind),
        };
        return new ImageBackupException(id, $"{ErrorTable.Get(id).Meaning} {e.Path}: {e.Message}", Location, e)
        {
            RecommendedAction = ActionFor(e) ?? ErrorTable.Get(id).RecommendedAction,
        };
    }

    /// <summary>What to do about a failure whose id has more than one remedy; null: the id's own.</summary>
    private string? ActionFor(StorageException e) => e.Problem switch
    {
        StorageProblem.NotADirectory => $"Move '{e.Path}' away.",
        // No directory's rights decide there, and a refusal for good means a wrong place, not a bad disk.
        StorageProblem.AccessDenied when Traits.IsRemote => "Use a login that the server lets read and write there, and check the path in the repository's URL: some servers let a login into its own folder only.",
        StorageProblem.ReadError or StorageProblem.WriteError when Traits.IsRemote && e.IsPermanent =>
            "Check the repository's URL (http or https, the port, the path) against what the server says. If it is right, look into the server's log.",
        StorageProblem.Full when Traits.IsRemote => "Free or add space on the server, or have the quota raised, then run the backup again: it reuses the data that is already stored.",
        _ => null,
    };

    public static ErrorId CorruptId(StoredKind kind) => kind switch
    {
        StoredKind.Pack => ErrorId.PackCorrupt,
        StoredKind.Index => ErrorId.IndexCorrupt,
        StoredKind.Snapshot => ErrorId.SnapshotCorrupt,
        StoredKind.Key => ErrorId.KeyCorrupt,
        _ => ErrorId.RepositoryInvalid,
    };

    public static int LimitBytes(StoredKind kind) => kind switch
    {
        StoredKind.Config => RepositoryFormat.ConfigLimitBytes,
        StoredKind.Key => RepositoryFormat.KeyLimitBytes,
        StoredKind.Lock => RepositoryFormat.LockLimitBytes,
        StoredKind.Snapshot => RepositoryFormat.SnapshotLimitBytes,
        StoredKind.Index => RepositoryFormat.IndexLimitBytes,
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>Makes the places of all kinds, for a new repository.</summary>
    public void CreateLayout() => Change(StoredKind.Config, _storage.CreateLayout);

    /// <summary>Removes what killed writers of this machine left under temporary names.</summary>
    public void RemoveAbandonedUploads() => Change(StoredKind.Pack, cancellation => _storage.RemoveAbandonedUploads(cancellation));

    public bool Exists(StoredKind kind, string name) => Guard(kind, () => _storage.Exists(kind, name, PendingCalls.Stop));

    public long LengthOf(StoredKind kind, string name) => Guard(kind, () => _storage.LengthOf(kind, name, PendingCalls.Stop));

    /// <summary>False if not even the file 'config' can be read: it is not one file that is bad, the storage is away.</summary>
    public bool IsReachable()
    {
        try
        {
            return Load(StoredKind.Config, "").Length > 0;
        }
        catch (ImageBackupException)
        {
            return false;
        }
    }

    /// <summary>Whether a blob or pack that could not be read is damaged: a share that went away makes every file look so.</summary>
    public bool IsDamage(ImageBackupException e) => e.Id == ErrorId.ChunkCorrupt || e.Id == ErrorId.PackCorrupt && IsReachable();

    /// <summary>Fills the buffer's first bytes from an offset of a file.</summary>
    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes)
    {
        WorkPace.BeforeRead(countBytes);
        try
        {
            _storage.ReadAt(kind, name, offsetBytes, buffer, countBytes, PendingCalls.Stop);
        }
        catch (StorageException e)
        {
            throw Translate(kind, e);
        }
    }

    /// <summary>Begins a file whose name is known only at its end.</summary>
    public RepositoryUpload BeginUpload(StoredKind kind) => new(this, kind, Guard(kind, () => _storage.BeginUpload(kind, PendingCalls.Stop)));

    /// <summary>
    /// The files of a kind. Nothing listed of a kind that a repository has, or may well have, is believed only if the repository is there:
    /// a share that went away or a directory that was removed must not look like an empty repository.
    /// </summary>
    /// <exception cref="ImageBackupException">RepositoryNotFound: it is gone since it was opened; a storage failure.</exception>
    public IEnumerable<StoredFile> List(StoredKind kind) => List(kind, mustExist: kind is StoredKind.Key or StoredKind.Snapshot);

    /// <param name="kind">What is listed.</param>
    /// <param name="mustExist">An empty list is believed only if there is a 'config'.</param>
    public IEnumerable<StoredFile> List(StoredKind kind, bool mustExist)
    {
        IEnumerable<StoredFile> files = Guard(kind, () => _storage.List(kind, PendingCalls.Stop));
        return mustExist ? ListOrMissRepository(files) : files;
    }

    /// <summary>The files of a kind: the list that was begun before, once, or one of now.</summary>
    public IEnumerable<StoredFile> List(StoredKind kind, ListsAhead? ahead) => ahead?.Take(kind)?.GetAwaiter().GetResult() ?? List(kind);

    /// <summary>
    /// Begins to list the files of a kind on a thread of its own, while the caller does something else: of a server a list is a round trip or
    /// many. Of a directory it has been taken when this returns, so that what happens there happens in one order.
    /// </summary>
    /// <param name="kind">What is listed.</param>
    /// <param name="ahead">Lists that were begun before: if that of the kind is among them it is the one; null: none was.</param>
    /// <returns>Throws as <see cref="List(StoredKind)"/> when its result is asked for.</returns>
    public Task<List<StoredFile>> BeginList(StoredKind kind, ListsAhead? ahead = null)
    {
        if (ahead?.Take(kind) is { } begun)
            return begun;
        List<StoredFile> Take() => List(kind).ToList();
        return Traits.IsRemote ? Task.Factory.StartNew(Take, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default) : Task.FromResult(Take());
    }

    private IEnumerable<StoredFile> ListOrMissRepository(IEnumerable<StoredFile> files)
    {
        bool isEmpty = true;
        foreach (StoredFile file in files)
        {
            isEmpty = false;
            yield return file;
        }
        if (isEmpty && !Exists(StoredKind.Config, ""))
            throw new ImageBackupException(ErrorId.RepositoryNotFound, $"The repository '{Location}' is not there any more: it has no 'config'.", Location);
    }

    public byte[] Load(StoredKind kind, string name) => Guard(kind, () => _storage.Load(kind, name, LimitBytes(kind), PendingCalls.Stop));

    /// <summary>So long a pack of trees may be that is loaded whole and kept, and so long in all the small files of an image.</summary>
    internal const int KeptTreePackBytes = 2 * RepositoryFormat.PackSizeBytes, KeptFilePackBytes = 1 << 20;

    private readonly object[] _packGates = [.. Enumerable.Range(0, 16).Select(_ => new object())];

    /// <summary>Whether packs are kept on this machine.</summary>
    public bool KeepsPacks => _cached is not null;

    /// <summary>Until it is disposed all that is read of these kinds comes from the storage: for who proves what lies there. Null: it does anyhow.</summary>
    public IDisposable? PassCache(params StoredKind[] kinds) => _cached?.Pass(kinds);

    /// <summary>
    /// Reads a part of a pack out of the cache, of which nothing is proven. A pack of trees that is not there is loaded whole, as restic does it:
    /// who reads one tree reads the others of the pack soon. False: it must be read from the storage.
    /// </summary>
    /// <exception cref="ImageBackupException">PackCorrupt if the pack is missing; a storage failure.</exception>
    public bool TryReadKept(in BlobLocation location, byte[] buffer, int countBytes)
    {
        if (_cached is not { KeepsPacks: true } cached)
            return false;
        string name = location.PackId.ToString();
        if (cached.TryReadPart(name, location.OffsetBytes, buffer, countBytes))
            return true;
        if (location.Type != BlobType.Tree || location.OffsetBytes + (long)countBytes > KeptTreePackBytes)
            return false;
        lock (_packGates[location.PackId.GetHashCode() & (_packGates.Length - 1)])
        {
            if (cached.TryReadPart(name, location.OffsetBytes, buffer, countBytes))
                return true;
            byte[] pack;
            try
            {
                pack = _storage.Load(StoredKind.Pack, name, KeptTreePackBytes, PendingCalls.Stop);
            }
            catch (StorageException e) when (e.Problem == StorageProblem.TooLarge)
            {
                return false;
            }
            catch (StorageException e)
            {
                throw Translate(StoredKind.Pack, e);
            }
            if (BlobId.Of(pack) != location.PackId || pack.Length - (long)location.OffsetBytes < countBytes)
                return false;
            WorkPace.BeforeRead(pack.Length);
            cached.KeepPack(name, pack);
            Array.Copy(pack, location.OffsetBytes, buffer, 0, countBytes);
            return true;
        }
    }

    /// <summary>Removes a pack from the cache, whose copy there is damaged.</summary>
    public void ForgetKept(BlobId pack) => _cached?.ForgetPack(pack.ToString());

    /// <summary>Keeps a pack that was written.</summary>
    public void Keep(BlobId pack, byte[] content) => _cached?.KeepPack(pack.ToString(), content);

    /// <summary>Removes packs from the cache that no index lists any more.</summary>
    public void ForgetOtherPacks(Func<BlobId, bool> isListed) => _cached?.ForgetOtherPacks(name => BlobId.TryParse(name, out BlobId id) && isListed(id));

    public void Save(StoredKind kind, string name, byte[] content) => Save(kind, name, new ArraySegment<byte>(content));

    private void Save(StoredKind kind, string name, ArraySegment<byte> content) => Change(kind, cancellation => _storage.Save(kind, name, content.AsSpan(), cancellation));

    public void Delete(StoredKind kind, string name) => Change(kind, cancellation => _storage.Delete(kind, name, cancellation));

    /// <summary>
    /// Throws if the storage lets nothing be removed: a command that removes something at its end is told before its beginning.
    /// Asks for the removal of a file that is not there, which changes nothing. A directory tells it by its own rights.
    /// </summary>
    /// <exception cref="ImageBackupException">StorageForbidsRemoval.</exception>
    public void ThrowIfRemovalForbidden()
    {
        if (Traits.IsRemote)
            Delete(StoredKind.Snapshot, BlobId.Of(Guid.NewGuid().ToByteArray()).ToString());
    }

    /// <summary>So long the storage keeps what is written now from being removed by anybody; null: it does not.</summary>
    public TimeSpan? RetentionPeriod => (_storage as IRetainingStorage)?.RetentionPeriod;

    /// <summary>Until when the storage keeps a file; null: it does not.</summary>
    public DateTimeOffset? RetainedUntil(StoredKind kind, string name) =>
        _storage is IRetainingStorage retaining ? Guard(kind, () => retaining.RetainedUntil(kind, name, PendingCalls.Stop)) : null;

    /// <summary>Has the storage keep a file for its period from now on. Nothing needs tidying up if that is cut short.</summary>
    public void Retain(StoredKind kind, string name) => Guard(kind, () =>
    {
        (_storage as IRetainingStorage)?.Retain(kind, name, PendingCalls.Stop);
        return true;
    });

    public void SyncDeletions(StoredKind kind) => Change(kind, cancellation => _storage.SyncDeletions(kind, cancellation));

    /// <summary>
    /// The JSON of a sealed file: its name is proven against its content, its seal opened, its encoding undone.
    /// </summary>
    /// <exception cref="ImageBackupException">The kind's own "corrupt" id, or a storage failure.</exception>
    public byte[] LoadSealed(StoredKind kind, string name, SealerPool sealers, CancellationToken cancellation = default)
    {
        byte[] json = Array.Empty<byte>();
        UseSealed(kind, name, sealers, content => json = content.ToArray(), cancellation);
        return json;
    }

    /// <summary>
    /// As <see cref="LoadSealed"/>, into arrays that are used again: an index file is megabytes, and there are many. The bytes are good until
    /// <paramref name="use"/> returns, which throws what it likes.
    /// </summary>
    /// <exception cref="ImageBackupException">As <see cref="LoadSealed"/>.</exception>
    public void UseSealed(StoredKind kind, string name, SealerPool sealers, Action<ArraySegment<byte>> use, CancellationToken cancellation)
    {
        byte[] content;
        try
        {
            content = _storage.Load(kind, name, Math.Min(LimitBytes(kind), UnprovenBytes(kind)), PendingCalls.Stop);
        }
        catch (StorageException e) when (e.Problem == StorageProblem.TooLarge && UnprovenBytes(kind) < LimitBytes(kind))
        {
            // One at a time: they may be large, and are not held longer than they are needed.
            byte[] opened;
            lock (s_large)
                opened = LoadLarge(kind, name, sealers, cancellation);
            use(new ArraySegment<byte>(opened));
            return;
        }
        catch (StorageException e)
        {
            throw Translate(kind, e);
        }
        byte[] plain = ArrayPool<byte>.Shared.Rent(content.Length);
        try
        {
            UsePlain(kind, name, OpenInto(kind, name, content, sealers, plain), use);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(plain);
        }
    }

    private ArraySegment<byte> OpenInto(StoredKind kind, string name, byte[] content, SealerPool sealers, byte[] plain)
    {
        ProveName(kind, name, content);
        int plainBytes = content.Length - Sealer.OverheadBytes;
        Sealer sealer = sealers.Rent();
        try
        {
            if (plainBytes < 0 || !sealer.TryOpen(content, plain.AsSpan(0, plainBytes)))
                throw Corrupt(kind, name, "its seal is broken");
        }
        finally
        {
            sealers.Return(sealer);
        }
        return plainBytes > 0 ? new ArraySegment<byte>(plain, 0, plainBytes) : throw Corrupt(kind, name, "it is empty");
    }

    private void ProveName(StoredKind kind, string name, byte[] content)
    {
        if (kind != StoredKind.Config && BlobId.Of(content).ToString() != name)
            throw Corrupt(kind, name, "its content does not match its name");
    }

    private void UsePlain(StoredKind kind, string name, ArraySegment<byte> plain, Action<ArraySegment<byte>> use)
    {
        byte encoding = plain.Array![plain.Offset];
        if (encoding is (byte)'{' or (byte)'[')
        {
            use(plain);
            return;
        }
        if (encoding != RepositoryFormat.CompressedEncoding
            || Zstd.ContentBound(plain.AsSpan(1), Math.Min(LimitBytes(kind), UnprovenBytes(kind) * PooledRatio)) is not { } boundBytes)
        {
            use(new ArraySegment<byte>(Decode(kind, name, plain)));
            return;
        }
        byte[] json = ArrayPool<byte>.Shared.Rent(Math.Max(1, boundBytes));
        try
        {
            using var zstd = new Zstd();
            int lengthBytes = zstd.Decompress(plain.AsSpan(1), json.AsSpan(0, boundBytes));
            if (lengthBytes < 0)
                throw Corrupt(kind, name, "its compressed content is damaged");
            use(new ArraySegment<byte>(json, 0, lengthBytes));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(json);
        }
    }

    /// <summary>Content that is no longer than so many times what is read of a file unproven goes into an array that is used again.</summary>
    private const int PooledRatio = 4;

    /// <summary>
    /// So many bytes of a file are taken into memory before anything of it is proven. A sparse file of any length costs who
    /// writes to the repository nothing; our own files and restic's are shorter, but for an index file now and then.
    /// </summary>
    private static int UnprovenBytes(StoredKind kind) => kind == StoredKind.Index ? 16 << 20 : 1 << 20;

    /// <summary>Reads a large file twice: first in parts, until its name and its seal are proven, then whole.</summary>
    private byte[] LoadLarge(StoredKind kind, string name, SealerPool sealers, CancellationToken cancellation)
    {
        long lengthBytes = Guard(kind, () => _storage.LengthOf(kind, name, PendingCalls.Stop));
        if (lengthBytes <= LimitBytes(kind))
        {
            using var hash = new Sha256();
            Sealer sealer = sealers.Rent();
            bool isSealed;
            try
            {
                isSealed = sealer.Proves(lengthBytes, (offset, buffer, countBytes) =>
                {
                    cancellation.ThrowIfCancellationRequested();
                    ReadAt(kind, name, offset, buffer, countBytes);
                    hash.Append(buffer.AsSpan(0, countBytes));
                });
            }
            finally
            {
                sealers.Return(sealer);
            }
            Span<byte> digest = stackalloc byte[BlobId.SizeBytes];
            hash.Finish(digest);
            if (new BlobId(digest).ToString() != name)
                throw Corrupt(kind, name, "its content does not match its name");
            if (!isSealed)
                throw Corrupt(kind, name, "its seal is broken");
        }
        // It may be another by now: its content is verified as any other.
        return Opened(kind, name, Load(kind, name), sealers);
    }

    /// <summary>As <see cref="LoadSealed"/>, of a file that the caller has loaded.</summary>
    /// <exception cref="ImageBackupException">The kind's own "corrupt" id.</exception>
    public byte[] OpenSealed(StoredKind kind, string name, byte[] content, SealerPool sealers) => Opened(kind, name, content, sealers);

    private byte[] Opened(StoredKind kind, string name, byte[] content, SealerPool sealers)
    {
        ProveName(kind, name, content);
        byte[] plain = sealers.Open(content) ?? throw Corrupt(kind, name, "its seal is broken");
        return plain.Length > 0 ? Decode(kind, name, new ArraySegment<byte>(plain)) : throw Corrupt(kind, name, "it is empty");
    }

    private byte[] Decode(StoredKind kind, string name, ArraySegment<byte> plain) => plain.Array![plain.Offset] switch
    {
        (byte)'{' or (byte)'[' => plain.ToArray(),
        RepositoryFormat.CompressedEncoding => Zstd.Decompress(plain.ToArray(), 1, LimitBytes(kind))
            ?? throw Corrupt(kind, name, "its compressed content is damaged"),
        byte encoding => throw Corrupt(kind, name, $"it has the unknown encoding {encoding}"),
    };

    /// <summary>Seals and saves a JSON document, compressed if the format has that; returns its name.</summary>
    public string SaveSealed(StoredKind kind, byte[] json, int formatVersion, SealerPool sealers)
    {
        byte[] plain = json;
        if (kind != StoredKind.Config && formatVersion >= 2)
        {
            using var zstd = new Zstd();
            byte[] compressed = new byte[1 + Zstd.Bound(json.Length)];
            compressed[0] = RepositoryFormat.CompressedEncoding;
            int lengthBytes = zstd.Compress(json, compressed.AsSpan(1));
            plain = compressed.AsSpan(0, 1 + lengthBytes).ToArray();
        }
        byte[] content = sealers.Seal(plain);
        string name = kind == StoredKind.Config ? "" : BlobId.Of(content).ToString();
        Save(kind, name, content);
        return name;
    }

    /// <summary>Seals and saves a JSON document that was written part by part; returns its name. If it fails it may be called again.</summary>
    public string SaveSealed(StoredKind kind, SealedText text, SealerPool sealers)
    {
        ArraySegment<byte> content = text.Seal(sealers);
        string name = BlobId.Of(content).ToString();
        Save(kind, name, content);
        return name;
    }

    public ImageBackupException Corrupt(StoredKind kind, string name, string what)
    {
        string shortName = name.Length > 12 ? name.Substring(0, 12) : name;
        return new ImageBackupException(CorruptId(kind), $"The repository's {KindName(kind)} {shortName} cannot be used: {what}.", Location);
    }

    private static string KindName(StoredKind kind) => kind switch
    {
        StoredKind.Config => "file 'config'",
        StoredKind.Key => "key",
        StoredKind.Lock => "lock",
        StoredKind.Snapshot => "snapshot record",
        StoredKind.Index => "index",
        _ => "pack",
    };

    public void Dispose() => _storage.Dispose();
}
