using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Storage.Spooling;

namespace ImageBackup.Engine.Storage.Sftp;

/// <summary>A repository on a server that speaks SFTP, version 3, laid out as restic's default layout, over the system's ssh.</summary>
/// <remarks>
/// A file is written under <c>tmp</c>, flushed to the disk if the server offers that (fsync@openssh.com), and renamed: the rename of version 3
/// takes no other file's place. What the protocol lacks is the flush of a directory: a power cut of the server may lose a name of its
/// last seconds, if its file system writes names later than the contents that were flushed after them.
/// </remarks>
internal sealed class SftpStorage : IStorage
{
    private const string TemporaryPrefix = "imagebackup-";
    private const string FlushExtension = "fsync@openssh.com";
    private const string SpaceExtension = "statvfs@openssh.com";

    /// <summary>Less than this is a full disk.</summary>
    private const ulong LeastFreeBytes = 64 << 10;

    /// <summary>An upload that is older has no writer any more.</summary>
    private static readonly TimeSpan s_longestUpload = TimeSpan.FromDays(2);

    private static readonly string[] s_folders = ["keys", "locks", "snapshots", "index", "data", "tmp"];

    private static readonly string[] s_packFolders = [.. Enumerable.Range(0, 256).Select(i => "data/" + i.ToString("x2", CultureInfo.InvariantCulture))];

    private readonly SftpPool _pool;
    private readonly string _root;
    private readonly string _shown;

    public SftpStorage(StorageLocation location, string path, IReadOnlyList<string> words, SftpSettings settings)
    {
        Location = location;
        Traits = StorageTraits.Remote with { Connections = settings.Connections };
        _root = path.EndsWith("/", StringComparison.Ordinal) ? path : path + "/";
        _shown = location.DisplayName + "/";
        _pool = new SftpPool(words, location.DisplayName, settings);
    }

    public StorageLocation Location { get; }

    public StorageTraits Traits { get; }

    public void CreateLayout(CancellationToken cancellation) => Run(new SftpCall(_shown, IsWrite: true, cancellation), connection =>
    {
        MakeWithParents(connection, _root.Length > 1 ? _root.TrimEnd('/') : _root, cancellation);
        Make(connection, s_folders, cancellation);
        Make(connection, s_packFolders, cancellation);
        return true;
    });

    private void Make(SftpConnection connection, IEnumerable<string> folders, CancellationToken cancellation)
    {
        var making = folders.Select(folder => (Folder: folder, Answer: connection.Send(new SftpRequest(SftpNumbers.MakeDirectory).Text(_root + folder).Number(0), cancellation))).ToList();
        foreach ((string folder, System.Threading.Tasks.Task<SftpReply> answer) in making)
        {
            try
            {
                SftpConnection.Wait(answer, cancellation);
            }
            catch (SftpRefusal) when (SftpFiles.Find(connection, _root + folder, cancellation) is { IsDirectory: true })
            {
                // It was there.
            }
        }
    }

    private static void MakeWithParents(SftpConnection connection, string path, CancellationToken cancellation)
    {
        try
        {
            connection.Call(new SftpRequest(SftpNumbers.MakeDirectory).Text(path).Number(0), cancellation);
        }
        catch (SftpRefusal e) when (e.Code == SftpNumbers.NoSuchFile && path.LastIndexOf('/') > 0)
        {
            MakeWithParents(connection, path.Substring(0, path.LastIndexOf('/')), cancellation);
            connection.Call(new SftpRequest(SftpNumbers.MakeDirectory).Text(path).Number(0), cancellation);
        }
        catch (SftpRefusal) when (SftpFiles.Find(connection, path, cancellation) is not null)
        {
            // It was there. What else lies in its place is told by what is made in it.
        }
    }

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation) => Find(kind, name, cancellation) is not null;

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => Find(kind, name, cancellation) is { } there
        ? there.LengthBytes ?? throw new StorageException(StorageProblem.ReadError, Shown(kind, name), "The server does not say how long the file is.") { IsPermanent = true }
        : throw new StorageException(StorageProblem.NotFound, Shown(kind, name), "The server has no such file.");

    private SftpAttributes? Find(StoredKind kind, string name, CancellationToken cancellation)
    {
        string path = PathOf(kind, name);
        return Run(new SftpCall(Shown(kind, name), IsWrite: false, cancellation), connection => SftpFiles.Find(connection, path, cancellation) is { IsDirectory: false } there ? there : (SftpAttributes?)null);
    }

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation)
    {
        if (kind == StoredKind.Config)
            return Find(kind, "", cancellation) is { } config ? [new StoredFile(kind, "", config.LengthBytes ?? 0)] : [];
        IReadOnlyList<string> folders = [.. (kind == StoredKind.Pack ? s_packFolders : [StoredFolder.Of(kind)]).Select(folder => _root + folder)];
        var found = Run(new SftpCall(_shown + StoredFolder.Of(kind), IsWrite: false, cancellation), connection => SftpFiles.ListAll(connection, folders, cancellation));
        // Keys are asked for before there is a config.
        if (found.Count == 0 && kind != StoredKind.Key && !Exists(StoredKind.Config, "", cancellation))
            throw new StorageException(StorageProblem.Gone, Location.DisplayName, "Neither the folder nor the repository's 'config' is there: the repository is gone.");
        return [.. from folder in found
                   from file in folder.Value
                   where Hex.IsName(file.Name) && file.Attributes is { IsRegular: true, LengthBytes: not null } && _root + RelativeOf(kind, file.Name) == $"{folder.Key}/{file.Name}"
                   select new StoredFile(kind, file.Name, file.Attributes.LengthBytes!.Value)
                   {
                       ModifiedTime = file.Attributes.ModifiedSeconds is { } seconds && kind == StoredKind.Lock ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null,
                   }];
    }

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation)
    {
        string path = PathOf(kind, name);
        return Run(new SftpCall(Shown(kind, name), IsWrite: false, cancellation), connection =>
        {
            byte[] handle = SftpFiles.OpenFile(connection, path, SftpNumbers.ReadFlag, cancellation);
            try
            {
                // One byte more than may be, and in small steps: most of what is loaded so is small.
                byte[] content = new byte[Math.Min(64 << 10, limitBytes + 1L)];
                int length = SftpFiles.Read(connection, handle, 0, content, content.Length, cancellation);
                while (length == content.Length && length <= limitBytes)
                {
                    Array.Resize(ref content, (int)Math.Min(limitBytes + 1L, content.Length * 16L));
                    byte[] more = new byte[content.Length - length];
                    int added = SftpFiles.Read(connection, handle, length, more, more.Length, cancellation);
                    Buffer.BlockCopy(more, 0, content, length, added);
                    length += added;
                }
                if (length > limitBytes)
                    throw new StorageException(StorageProblem.TooLarge, Shown(kind, name), $"The file is longer than the {limitBytes} bytes that are expected.");
                Array.Resize(ref content, length);
                return content;
            }
            finally
            {
                SftpFiles.CloseUnwaited(connection, handle);
            }
        });
    }

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation)
    {
        if (countBytes == 0)
            return;
        string path = PathOf(kind, name);
        int done = Run(new SftpCall(Shown(kind, name), IsWrite: false, cancellation), connection =>
        {
            byte[] handle = SftpFiles.OpenFile(connection, path, SftpNumbers.ReadFlag, cancellation);
            try
            {
                return SftpFiles.Read(connection, handle, offsetBytes, buffer, countBytes, cancellation);
            }
            finally
            {
                SftpFiles.CloseUnwaited(connection, handle);
            }
        });
        if (done < countBytes)
            throw new StorageException(StorageProblem.TooShort, Shown(kind, name), $"The file ends before offset {offsetBytes + countBytes}.");
    }

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        byte[] copy = content.ToArray();
        Put(kind, name, copy.Length, () => new MemoryStream(copy, writable: false), cancellation);
    }

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return new SpooledUpload(Location.DisplayName, (name, lengthBytes, open, token) => Put(kind, name, lengthBytes, open, token));
    }

    private void Put(StoredKind kind, string name, long lengthBytes, Func<Stream> open, CancellationToken cancellation)
    {
        string path = PathOf(kind, name);
        string temporary = $"{_root}tmp/{TemporaryPrefix}{Guid.NewGuid():N}";
        Run(new SftpCall(Shown(kind, name), IsWrite: true, cancellation), connection =>
        {
            byte[] handle = Create(connection, temporary, cancellation);
            bool isRenamed = false;
            try
            {
                using (Stream content = open())
                    SftpFiles.Write(connection, handle, content, cancellation);
                // One round trip for both; each answer counts before the file gets its name.
                System.Threading.Tasks.Task<SftpReply>? flushing = connection.Offers(FlushExtension)
                    ? connection.Send(new SftpRequest(SftpNumbers.Extended).Text(FlushExtension).Bytes(handle, handle.Length), cancellation)
                    : null;
                System.Threading.Tasks.Task<SftpReply> closing = connection.Send(new SftpRequest(SftpNumbers.Close).Bytes(handle, handle.Length), cancellation);
                if (flushing is not null)
                    SftpConnection.Wait(flushing, cancellation);
                SftpConnection.Wait(closing, cancellation);
                isRenamed = Rename(connection, temporary, path, cancellation);
            }
            catch (SftpRefusal e) when (e.Code == SftpNumbers.Failure && IsFull(connection, lengthBytes, cancellation))
            {
                throw new StorageException(StorageProblem.Full, Shown(kind, name), "The server's disk is full.", e);
            }
            finally
            {
                if (!isRenamed && !connection.IsBroken)
                    _ = connection.Send(new SftpRequest(SftpNumbers.Remove).Text(temporary), CancellationToken.None);
            }
            return true;
        });
    }

    private byte[] Create(SftpConnection connection, string temporary, CancellationToken cancellation)
    {
        const uint flags = SftpNumbers.WriteFlag | SftpNumbers.CreateFlag | SftpNumbers.ExclusiveFlag;
        try
        {
            return SftpFiles.OpenFile(connection, temporary, flags, cancellation);
        }
        catch (SftpRefusal e) when (e.Code == SftpNumbers.NoSuchFile)
        {
            // A repository of restic's has no such folder; one that is gone gets none.
            Make(connection, ["tmp"], cancellation);
            return SftpFiles.OpenFile(connection, temporary, flags, cancellation);
        }
    }

    /// <summary>False: the name is taken, by the same content or by ours whose answer was lost, and stays as it is.</summary>
    private bool Rename(SftpConnection connection, string temporary, string path, CancellationToken cancellation)
    {
        SftpRequest request = new SftpRequest(SftpNumbers.Rename).Text(temporary).Text(path);
        try
        {
            connection.Call(request, cancellation);
            return true;
        }
        catch (SftpRefusal) when (SftpFiles.Find(connection, path, cancellation) is not null)
        {
            return false;
        }
        catch (SftpRefusal e) when (e.Code == SftpNumbers.NoSuchFile)
        {
            Make(connection, [path.Substring(_root.Length, path.LastIndexOf('/') - _root.Length)], cancellation);
            connection.Call(request, cancellation);
            return true;
        }
    }

    private bool IsFull(SftpConnection connection, long lengthBytes, CancellationToken cancellation)
    {
        if (!connection.Offers(SpaceExtension))
            return false;
        try
        {
            SftpReply space = connection.Call(new SftpRequest(SftpNumbers.Extended).Text(SpaceExtension).Text(_root), cancellation);
            _ = space.Long();
            ulong unitBytes = space.Long();
            _ = space.Long();
            _ = space.Long();
            ulong freeUnits = space.Long();
            return freeUnits * unitBytes < LeastFreeBytes + (ulong)lengthBytes;
        }
        catch (SftpRefusal)
        {
            return false;
        }
    }

    public void Delete(StoredKind kind, string name, CancellationToken cancellation)
    {
        string path = PathOf(kind, name);
        Run(new SftpCall(Shown(kind, name), IsWrite: true, cancellation), connection =>
        {
            try
            {
                connection.Call(new SftpRequest(SftpNumbers.Remove).Text(path), cancellation);
            }
            catch (SftpRefusal e) when (e.Code == SftpNumbers.NoSuchFile)
            {
            }
            catch (SftpRefusal e) when (e.Code == SftpNumbers.PermissionDenied)
            {
                throw new StorageException(StorageProblem.RemovalForbidden, Shown(kind, name), "The server does not let this login remove the file.", e);
            }
            return true;
        });
    }

    /// <summary>A server answers a deletion when it is done; the protocol has no flush of a directory.</summary>
    public void SyncDeletions(StoredKind kind, CancellationToken cancellation)
    {
    }

    public int RemoveAbandonedUploads(CancellationToken cancellation) => Run(new SftpCall(_shown, IsWrite: true, cancellation), connection =>
    {
        int removed = 0;
        long oldest = DateTimeOffset.UtcNow.Subtract(s_longestUpload).ToUnixTimeSeconds();
        foreach ((string name, SftpAttributes attributes) in SftpFiles.ListAll(connection, [_root + "tmp"], cancellation).Values.SelectMany(files => files))
        {
            if (!name.StartsWith(TemporaryPrefix, StringComparison.Ordinal) || !attributes.IsRegular || attributes.ModifiedSeconds is not { } modified || modified > oldest)
                continue;
            connection.Call(new SftpRequest(SftpNumbers.Remove).Text($"{_root}tmp/{name}"), cancellation);
            removed++;
        }
        return removed;
    });

    public void Dispose() => _pool.Dispose();

    /// <summary>What a call is about.</summary>
    /// <param name="Shown">The file's name for people.</param>
    /// <param name="IsWrite">What a failure is called.</param>
    /// <param name="Cancellation">Ends it at once, wherever it waits.</param>
    private readonly record struct SftpCall(string Shown, bool IsWrite, CancellationToken Cancellation);

    private T Run<T>(SftpCall call, Func<SftpConnection, T> action)
    {
        call.Cancellation.ThrowIfCancellationRequested();
        try
        {
            return _pool.Use(action, call.Cancellation);
        }
        catch (SftpRefusal e)
        {
            throw Refused(e, call.Shown, call.IsWrite);
        }
        catch (InvalidDataException e)
        {
            throw new StorageException(call.IsWrite ? StorageProblem.WriteError : StorageProblem.ReadError, call.Shown, e.Message, e) { IsPermanent = true };
        }
        catch (StorageException e) when (e.Problem == StorageProblem.Unreachable && e.Path == Location.DisplayName)
        {
            throw new StorageException(e.Problem, call.Shown, e.Message, e) { IsPermanent = e.IsPermanent };
        }
    }

    private static StorageException Refused(SftpRefusal refusal, string shown, bool isWrite)
    {
        string said = refusal.Code switch
        {
            SftpNumbers.NoSuchFile => "The server has no such file.",
            SftpNumbers.PermissionDenied => "The server denies access.",
            _ => $"The server answered: {(refusal.Message.Length > 0 ? DisplayText.Line(refusal.Message) : "failure")} ({refusal.Code}).",
        };
        StorageProblem problem = refusal.Code switch
        {
            SftpNumbers.NoSuchFile => StorageProblem.NotFound,
            SftpNumbers.PermissionDenied => StorageProblem.AccessDenied,
            _ => isWrite ? StorageProblem.WriteError : StorageProblem.ReadError,
        };
        // The server has tried and failed: it is not the network that a moment mends.
        return new StorageException(problem, shown, said, refusal) { IsPermanent = refusal.Code is SftpNumbers.Failure or SftpNumbers.Unsupported };
    }

    private string PathOf(StoredKind kind, string name) => _root + RelativeOf(kind, name);

    private static string RelativeOf(StoredKind kind, string name)
    {
        if (kind == StoredKind.Config)
            return "config";
        if (!Hex.IsName(name))
            throw new ArgumentException("A stored file's name is 64 hexadecimal digits.", nameof(name));
        return kind == StoredKind.Pack ? $"data/{name[0]}{name[1]}/{name}" : $"{StoredFolder.Of(kind)}/{name}";
    }

    private string Shown(StoredKind kind, string name) => _shown + RelativeOf(kind, name);
}
