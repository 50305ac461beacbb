using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Files;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Platform.Termination;

namespace ImageBackup.Engine.Storage;

/// <summary>A repository's files in a directory or UNC path, laid out as restic's local backend does (design.rst, "Repository Layout").</summary>
/// <remarks>A cancelled token ends a read before it begins. What changes something is short, and is done whole.</remarks>
internal sealed partial class LocalStorage : IStorage
{
    private const string TemporaryPrefix = "imagebackup-";

    /// <summary>After so many listings under which files vanished, the last listing is returned.</summary>
    private const int ListAttempts = 5;

    private static readonly string[] s_directories = ["data", "index", "keys", "locks", "snapshots", "tmp"];

    /// <summary>An abandoned upload of another machine is left alone: only its own machine can tell that the writer is gone.</summary>
    private static readonly string s_machine = new(LocalHost.Name.Where(char.IsLetterOrDigit).ToArray());
    private readonly ReadHandleCache _handles = new(capacity: 16);

    private readonly IFileSteps _steps;
    private readonly RootedFiles _rooted;
    private readonly ConcurrentDictionary<StoredKind, bool> _unlinked = new();

    public LocalStorage(string path)
        : this(path, new SystemFileSteps(Path.GetFullPath(path)))
    {
    }

    internal LocalStorage(string path, IFileSteps steps)
    {
        Location = StorageLocation.OfPath(Path.GetFullPath(path));
        _steps = steps;
        _rooted = new RootedFiles(Root);
    }

    public StorageLocation Location { get; }

    public StorageTraits Traits { get; init; } = StorageTraits.Local;

    private string Root => Location.LocalPath!;

    private string TemporaryDirectory => Path.Combine(Root, "tmp");

    public void CreateLayout(CancellationToken cancellation) => Guard(Root, isWrite: true, () =>
    {
        _steps.CreateDirectory(Root);
        foreach (string name in s_directories)
            _steps.CreateDirectory(Path.Combine(Root, name));
        // All 256 at once, so that a pack's commit has one directory to flush, not two.
        for (int i = 0; i < 256; i++)
            _steps.CreateDirectory(Path.Combine(Root, "data", i.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
        _steps.SyncDirectory(Path.Combine(Root, "data"));
        _steps.SyncDirectory(Root);
        if (Path.GetDirectoryName(Root) is { Length: > 0 } parent)
            _steps.SyncDirectory(parent);
        return true;
    });

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation)
    {
        string path = PathOf(kind, name);
        cancellation.ThrowIfCancellationRequested();
        return Guard(path, isWrite: false, () => AttributesOf(path) is { } attributes && (attributes & FileAttributes.Directory) == 0);
    }

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation)
    {
        if (kind == StoredKind.Config)
        {
            var config = new FileInfo(PathOf(kind, ""));
            return config.Exists ? new[] { new StoredFile(kind, "", config.Length) } : Array.Empty<StoredFile>();
        }
        cancellation.ThrowIfCancellationRequested();
        return Guard(DirectoryOf(kind), isWrite: false, () => ListWhole(kind));
    }

    /// <summary>
    /// Lists again if a file vanished under the listing: a lock is replaced every few minutes, and who removes an index
    /// file has written another, which the listing may have been too early for.
    /// </summary>
    private List<StoredFile> ListWhole(StoredKind kind)
    {
        string place = DirectoryOf(kind);
        if (kind == StoredKind.Pack && HasPlace(kind, place))
            ThrowIfShardIsFile(place);
        for (int attempt = 1; ; attempt++)
        {
            var found = new List<StoredFile>();
            if (!HasPlace(kind, place))
                return found;
            IEnumerable<string> directories = kind == StoredKind.Pack
                ? Directory.EnumerateDirectories(place).Where(d => Path.GetFileName(d).Length == 2).OrderBy(d => d, StringComparer.Ordinal)
                : [place];
            bool isWhole = true;
            foreach (string directory in directories)
                isWhole &= Collect(directory, kind, found);
            if (isWhole || attempt == ListAttempts)
                return found;
        }
    }

    /// <summary>False if a kind has no directory yet, which is normal in a new repository.</summary>
    private bool HasPlace(StoredKind kind, string directory)
    {
        if (AttributesOf(directory) is { } attributes)
        {
            ThrowIfNotDirectory(directory, attributes);
            return true;
        }
        // Keys are asked for before there is a config.
        if (kind != StoredKind.Key)
            ThrowIfGone(directory);
        return false;
    }

    /// <summary>Makes a directory that a repository lacks; not in the empty mount point of a share that went away.</summary>
    private void MakePlace(string directory)
    {
        if (AttributesOf(directory) is { } attributes)
        {
            ThrowIfNotDirectory(directory, attributes);
            return;
        }
        ThrowIfGone(directory);
        _steps.CreateDirectory(directory);
        _steps.SyncDirectory(Path.GetDirectoryName(directory)!);
    }

    /// <summary>A file in the place of a directory: the next write would fail there, and name a temporary file.</summary>
    private static void ThrowIfNotDirectory(string directory, FileAttributes attributes)
    {
        if ((attributes & FileAttributes.Directory) != 0)
            return;
        string what = (attributes & FileAttributes.ReparsePoint) != 0 ? "It is a link that leads to no directory" : "It is a file";
        throw new StorageException(StorageProblem.NotADirectory, directory,
            $"{what}, and a repository has a directory of that name. Move it away; the directory is made when it is needed.");
    }

    /// <summary>Packs lie in 256 directories named by two digits; a file of such a name is in the way of one.</summary>
    private static void ThrowIfShardIsFile(string place)
    {
        foreach (string path in Directory.EnumerateFiles(place, "??"))
        {
            if (Path.GetFileName(path) is [(>= '0' and <= '9') or (>= 'a' and <= 'f'), (>= '0' and <= '9') or (>= 'a' and <= 'f')]
                && AttributesOf(path) is { } attributes)
            {
                ThrowIfNotDirectory(path, attributes);
            }
        }
    }

    /// <summary>
    /// A share that went away looks like a repository that lacks a directory. "There are no snapshots" or "it is deleted" is
    /// what a prune must not hear of it, and what is written then would lie on another disk.
    /// </summary>
    private void ThrowIfGone(string directory)
    {
        if (AttributesOf(PathOf(StoredKind.Config, "")) is null)
            throw new IOException($"Neither '{directory}' nor the repository's 'config' exists: the repository or its share is gone.");
    }

    /// <summary>False if a file vanished between the directory's listing and the question how long it is; it is left out.</summary>
    private static bool Collect(string directory, StoredKind kind, List<StoredFile> found)
    {
        bool isWhole = true;
        foreach (FileInfo file in new DirectoryInfo(directory).EnumerateFiles().Where(file => Hex.IsName(file.Name)))
        {
            try
            {
                found.Add(new StoredFile(kind, file.Name, file.Length) { ModifiedTime = kind == StoredKind.Lock ? new DateTimeOffset(file.LastWriteTimeUtc) : null });
            }
            catch (FileNotFoundException) when (AttributesOf(directory) is not null)
            {
                isWhole = false;
            }
        }
        return isWhole;
    }

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation)
    {
        string path = PathOf(kind, name);
        cancellation.ThrowIfCancellationRequested();
        return Guard(path, isWrite: false, () =>
        {
            using FileStream stream = RegularFile.OpenRead(path);
            long lengthBytes = stream.Length;
            if (lengthBytes > limitBytes)
                throw new StorageException(StorageProblem.TooLarge, path, $"The file is {lengthBytes} bytes long; at most {limitBytes} are expected.");
            byte[] content = new byte[lengthBytes];
            int done = 0;
            while (done < content.Length)
            {
                int countBytes = stream.Read(content, done, content.Length - done);
                if (countBytes == 0)
                    throw new StorageException(StorageProblem.TooShort, path, "The file became shorter while it was read.");
                done += countBytes;
            }
            return content;
        });
    }

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation)
    {
        string path = PathOf(kind, name);
        cancellation.ThrowIfCancellationRequested();
        Guard(path, isWrite: false, () =>
        {
            if (_handles.ReadAt(path, offsetBytes, buffer, countBytes) != countBytes)
                throw new StorageException(StorageProblem.TooShort, path, $"The file ends before offset {offsetBytes + countBytes}.");
            return true;
        });
    }

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation)
    {
        string path = PathOf(kind, name);
        cancellation.ThrowIfCancellationRequested();
        return Guard(path, isWrite: false, () =>
        {
            using FileStream stream = RegularFile.OpenRead(path);
            return stream.Length;
        });
    }

    /// <summary>
    /// Before the first file of a kind is written: a pack goes to any of 256 directories, and a backup must not find out after
    /// hours that one of them is a link. A link that is made in between is found when the file gets its name.
    /// </summary>
    private void ThrowIfLinked(StoredKind kind)
    {
        if (kind == StoredKind.Config || _unlinked.ContainsKey(kind))
            return;
        var directories = new List<string> { DirectoryOf(kind), TemporaryDirectory };
        if (kind == StoredKind.Pack && Directory.Exists(directories[0]))
        {
            directories.AddRange(Directory.EnumerateDirectories(directories[0]).Where(directory =>
                AttributesOf(directory) is { } attributes && (attributes & FileAttributes.ReparsePoint) != 0));
        }
        directories.ForEach(_rooted.ThrowIfLinked);
        _unlinked[kind] = true;
    }

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        if (Exists(kind, name, cancellation))
            return;
        using IStorageUpload upload = BeginUpload(kind, cancellation);
        byte[] bytes = ArrayPool<byte>.Shared.Rent(content.Length);
        try
        {
            content.CopyTo(bytes);
            upload.Append(bytes, 0, content.Length, cancellation);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
        upload.Commit(name, cancellation);
    }

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation)
    {
        string path = Path.Combine(TemporaryDirectory,
            $"{TemporaryPrefix}{s_machine}-{RunningProcess.CurrentId}-{Guid.NewGuid():N}");
        return Guard(path, isWrite: true, () =>
        {
            ThrowIfLinked(kind);
            // A repository that restic made has no such directory.
            MakePlace(TemporaryDirectory);
            // The process may be told to end while it writes: then only its name is taken away, under the thread that writes.
            ExitUndo exit = ExitCleanup.Hold(() => RemoveUpload(path));
            try
            {
                return new LocalUpload(this, kind, path, exit.Do(_ => _steps.CreateFile(path)), exit);
            }
            catch
            {
                exit.Cancel();
                throw;
            }
        });
    }

    private void RemoveUpload(string path)
    {
        try
        {
            _steps.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Left for RemoveAbandonedUploads.
        }
    }

    public void Delete(StoredKind kind, string name, CancellationToken cancellation)
    {
        string path = PathOf(kind, name);
        _handles.Forget(path);
        Guard(path, isWrite: true, () =>
        {
            if (HasPlace(kind, Path.GetDirectoryName(path)!))
                _steps.Delete(path);
            return true;
        });
    }

    public void SyncDeletions(StoredKind kind, CancellationToken cancellation)
    {
        string directory = kind == StoredKind.Config ? Root : DirectoryOf(kind);
        Guard(directory, isWrite: true, () =>
        {
            if (kind != StoredKind.Pack)
            {
                _steps.SyncDirectory(directory);
                return true;
            }
            foreach (string each in Directory.EnumerateDirectories(directory))
                _steps.SyncDirectory(each);
            return true;
        });
    }

    public int RemoveAbandonedUploads(CancellationToken cancellation)
    {
        if (!Directory.Exists(TemporaryDirectory))
            return 0;
        return Guard(TemporaryDirectory, isWrite: true, () =>
        {
            int count = 0;
            foreach (string path in Directory.EnumerateFiles(TemporaryDirectory, TemporaryPrefix + s_machine + "-*"))
            {
                string[] parts = Path.GetFileName(path).Split('-');
                if (parts.Length == 4 && int.TryParse(parts[2], out int processId) && !RunningProcess.Exists(processId))
                {
                    _steps.Delete(path);
                    count++;
                }
            }
            return count;
        });
    }

    public void Dispose() => _handles.Dispose();

    private string DirectoryOf(StoredKind kind) => Path.Combine(Root, StoredFolder.Of(kind));

    private string PathOf(StoredKind kind, string name)
    {
        if (kind == StoredKind.Config)
            return Path.Combine(Root, "config");
        if (!Hex.IsName(name))
            throw new ArgumentException("A stored file's name is 64 hexadecimal digits.", nameof(name));
        return kind == StoredKind.Pack
            ? Path.Combine(Root, "data", name.Substring(0, 2), name)
            : Path.Combine(DirectoryOf(kind), name);
    }

    /// <summary>Null if nothing is there. Not File.Exists: it says no if it may not look, or if a share is away.</summary>
    private static FileAttributes? AttributesOf(string path)
    {
        try
        {
            return File.GetAttributes(path);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static T Guard<T>(string path, bool isWrite, Func<T> action)
    {
        try
        {
            using (PendingCalls.Enter(path))
                return action();
        }
        catch (UnauthorizedAccessException e)
        {
            throw new StorageException(
                isWrite && FileErrors.IsReadOnlyFileSystem(e) ? StorageProblem.ReadOnly : StorageProblem.AccessDenied, path, e.Message, e);
        }
        catch (NotRegularFileException e)
        {
            throw new StorageException(StorageProblem.NotRegular, path, e.Message, e);
        }
        catch (LinkInRepositoryException e)
        {
            throw new StorageException(StorageProblem.Linked, path, e.Message, e);
        }
        catch (IOException e) when (!isWrite && (e is FileNotFoundException or DirectoryNotFoundException))
        {
            throw new StorageException(StorageProblem.NotFound, path, e.Message, e);
        }
        catch (IOException e)
        {
            StorageProblem problem =
                FileErrors.IsDiskFull(e) ? StorageProblem.Full :
                FileErrors.IsReadOnlyFileSystem(e) ? StorageProblem.ReadOnly :
                isWrite ? StorageProblem.WriteError : StorageProblem.ReadError;
            throw new StorageException(problem, path, e.Message, e);
        }
    }
}
