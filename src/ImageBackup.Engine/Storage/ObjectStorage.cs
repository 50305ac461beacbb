using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Storage.Http;
using ImageBackup.Engine.Storage.Spooling;

namespace ImageBackup.Engine.Storage;

/// <summary>
/// A repository in an object store, laid out as restic's default layout: <c>data/xx/NAME</c>, one folder for each other kind. What a service's
/// own calls are lies below.
/// </summary>
/// <remarks>A file appears under its key when it is whole, or not at all; a key that is taken is left as it is.</remarks>
internal abstract class ObjectStorage : IStorage
{
    private const int CopyBytes = 64 << 10;

    private readonly string _prefix;

    /// <param name="location">The repository's place.</param>
    /// <param name="prefix">What stands before each key; empty, or with a slash at its end.</param>
    /// <param name="connections">So many files are sent at once, and so many are read.</param>
    protected ObjectStorage(StorageLocation location, string prefix, int connections)
    {
        Location = location;
        Traits = StorageTraits.Remote with { Connections = connections };
        _prefix = prefix;
    }

    public StorageLocation Location { get; }

    public StorageTraits Traits { get; }

    /// <summary>An object of a list.</summary>
    /// <param name="Key">Its whole key.</param>
    /// <param name="LengthBytes">Its length; null: the service does not tell.</param>
    /// <param name="ModifiedTime">By the service's clock; null: it does not tell.</param>
    protected readonly record struct Listed(string Key, long? LengthBytes, DateTimeOffset? ModifiedTime);

    /// <summary>A page of a list, and where the next begins; null: it was the last.</summary>
    protected readonly record struct Page(IEnumerable<Listed> Files, string? Next);

    /// <summary>What is read of a file.</summary>
    /// <param name="Kind">The file's.</param>
    /// <param name="Name">The file's.</param>
    /// <param name="OffsetBytes">From where.</param>
    /// <param name="CountBytes">How much; null: all of it.</param>
    /// <param name="Cancellation">Ends it at once.</param>
    protected readonly record struct ReadCall(StoredKind Kind, string Name, long OffsetBytes, int? CountBytes, CancellationToken Cancellation);

    /// <summary>An answer to a read: how long its body is, and the body.</summary>
    protected readonly record struct Answer(long LengthBytes, Stream Content);

    /// <summary>A page of the keys below a folder of the repository.</summary>
    /// <param name="kind">The kind that lies there; null: whatever there is.</param>
    /// <param name="from">Where it begins; null: the first.</param>
    /// <param name="limit">The most keys; null: the service's own number.</param>
    /// <param name="cancellation">Ends it at once.</param>
    protected abstract Page ListPage(StoredKind? kind, string? from, int? limit, CancellationToken cancellation);

    /// <summary>A file's length by a request without a body. A file that is not there is a StorageException (NotFound), or null.</summary>
    protected abstract long? Head(StoredKind kind, string name, CancellationToken cancellation);

    /// <summary>Reads a file or a part of it. A part may come out longer or shorter than it was asked for.</summary>
    protected abstract T Get<T>(ReadCall read, Func<Answer, IdleTimer, Task<T>> use);

    /// <summary>Sends a file. One that is there is left as it is.</summary>
    /// <param name="kind">The file's.</param>
    /// <param name="name">The file's.</param>
    /// <param name="open">Opens its content; what was given out before is not used any more.</param>
    /// <param name="cancellation">Ends it at once.</param>
    protected abstract void Put(StoredKind kind, string name, Func<Stream> open, CancellationToken cancellation);

    /// <summary>Removes a file. One that is not there may be a StorageException (NotFound).</summary>
    protected abstract void Remove(StoredKind kind, string name, CancellationToken cancellation);

    /// <summary>Makes the bucket or container. That another made it meanwhile is not a failure.</summary>
    protected abstract void CreateContainer(CancellationToken cancellation);

    /// <summary>There are no folders to make; the container is made if it is not there, as restic does.</summary>
    public virtual void CreateLayout(CancellationToken cancellation)
    {
        try
        {
            _ = ListPage(kind: null, from: null, limit: 1, cancellation);
        }
        catch (StorageException e) when (e.Problem == StorageProblem.NoContainer)
        {
            CreateContainer(cancellation);
        }
    }

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation)
    {
        if (kind != StoredKind.Config)
            return LengthOrNull(kind, name, cancellation) is not null;
        // An answer to HEAD has no body: only one to GET says that it is the container that is not there, or why a login is refused.
        try
        {
            return Get(new ReadCall(kind, name, 0, null, cancellation), (_, _) => Task.FromResult(true));
        }
        catch (StorageException e) when (e.Problem == StorageProblem.NotFound)
        {
            return false;
        }
    }

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => LengthOrNull(kind, name, cancellation)
        ?? throw new StorageException(StorageProblem.NotFound, Shown(kind, name), "There is no such file.");

    /// <summary>Null: it is not there.</summary>
    protected long? LengthOrNull(StoredKind kind, string name, CancellationToken cancellation)
    {
        try
        {
            return Head(kind, name, cancellation);
        }
        catch (StorageException e) when (e.Problem == StorageProblem.NotFound)
        {
            return null;
        }
    }

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation)
    {
        if (kind == StoredKind.Config)
            return LengthOrNull(kind, "", cancellation) is { } configBytes ? [new StoredFile(kind, "", configBytes)] : [];
        var found = new List<StoredFile>();
        string? next = null;
        do
        {
            (IEnumerable<Listed> files, next) = ListPage(kind, next, limit: null, cancellation);
            foreach (Listed file in files)
            {
                string name = file.Key.Substring(file.Key.LastIndexOf('/') + 1);
                if (Hex.IsName(name) && file.Key == KeyOf(kind, name) && file.LengthBytes is >= 0 and var lengthBytes)
                    found.Add(new StoredFile(kind, name, lengthBytes) { ModifiedTime = kind == StoredKind.Lock ? file.ModifiedTime : null });
            }
        }
        while (next is not null);
        return found;
    }

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation) =>
        Get(new ReadCall(kind, name, 0, null, cancellation), async (answer, timer) =>
        {
            if (answer.LengthBytes > limitBytes)
                throw new StorageException(StorageProblem.TooLarge, Shown(kind, name), $"The file is longer than the {limitBytes} bytes that are expected.");
            byte[] content = new byte[answer.LengthBytes];
            await Fill(answer, content, content.Length, timer).ConfigureAwait(false);
            return content;
        });

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation)
    {
        if (countBytes == 0)
            return;
        Get(new ReadCall(kind, name, offsetBytes, countBytes, cancellation), async (answer, timer) =>
        {
            if (answer.LengthBytes < countBytes)
                throw new StorageException(StorageProblem.TooShort, Shown(kind, name), $"The file ends before offset {offsetBytes + countBytes}.");
            if (answer.LengthBytes > countBytes)
                throw new StorageException(StorageProblem.ReadError, Shown(kind, name), "The service does not give a part of a file.") { IsPermanent = true };
            await Fill(answer, buffer, countBytes, timer).ConfigureAwait(false);
            return true;
        });
    }

    private static async Task Fill(Answer answer, byte[] buffer, int countBytes, IdleTimer timer)
    {
        for (int done = 0, part; done < countBytes; done += part)
        {
            part = await answer.Content.ReadAsync(buffer, done, Math.Min(CopyBytes, countBytes - done), timer.Token).ConfigureAwait(false);
            if (part == 0)
                throw new IOException($"The answer ended after {done} of {countBytes} bytes.");
            timer.Touch();
        }
    }

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        byte[] copy = content.ToArray();
        Put(kind, name, () => new MemoryStream(copy, writable: false), cancellation);
    }

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return new SpooledUpload(Location.DisplayName, (name, _, open, token) => Put(kind, name, open, token));
    }

    public void Delete(StoredKind kind, string name, CancellationToken cancellation)
    {
        try
        {
            Remove(kind, name, cancellation);
        }
        catch (StorageException e) when (e.Problem == StorageProblem.AccessDenied)
        {
            throw new StorageException(StorageProblem.RemovalForbidden, e.Path, e.Message, e);
        }
        catch (StorageException e) when (e.Problem == StorageProblem.NotFound)
        {
        }
    }

    /// <summary>A service answers a deletion when it is done.</summary>
    public void SyncDeletions(StoredKind kind, CancellationToken cancellation)
    {
    }

    /// <summary>Nothing: the system removes what waits for the service.</summary>
    public int RemoveAbandonedUploads(CancellationToken cancellation) => 0;

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    /// <summary>The folder of a kind below the prefix, with a slash at its end; null: the repository's own.</summary>
    protected static string FolderOf(StoredKind? kind) => kind is { } of ? StoredFolder.Of(of) + "/" : "";

    /// <summary>A file's whole key.</summary>
    protected string KeyOf(StoredKind kind, string name) => _prefix + StoredFolder.KeyOf(kind, name);

    /// <summary>The keys below a folder begin so.</summary>
    protected string KeysOf(StoredKind? kind) => _prefix + FolderOf(kind);

    /// <summary>A file's name for people.</summary>
    protected string Shown(StoredKind kind, string name) => ShownRoot + StoredFolder.KeyOf(kind, name);

    /// <summary>A folder's name for people.</summary>
    protected string ShownFolder(StoredKind? kind) => kind is null ? Location.DisplayName : ShownRoot + FolderOf(kind);

    private string ShownRoot => Location.DisplayName.TrimEnd('/') + "/";
}
