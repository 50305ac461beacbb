using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform.Files;
using ImageBackup.Engine.Platform.Rooted;

namespace ImageBackup.Engine.Items;

/// <summary>
/// Restores files, directories and links of one image below one directory. The image is hostile: nothing is made outside of the directory,
/// through a link, or over what is there without being asked, and no name that means something else here is used.
/// </summary>
/// <remarks>
/// Each item lies under its whole path below the destination. Links are made by <see cref="Finish"/>, after all files, and the directories'
/// times after them. The caller calls from one thread, which finds the items and decides; the files of a directory are written by others
/// meanwhile. What is said of problems and warnings comes one at a time, of files in no order.
/// </remarks>
internal sealed class ItemRestorer : IDisposable
{
    /// <summary>Files that are handed over at once.</summary>
    private const int BatchCount = 32;

    private const int DefaultFileMode = 0x1A4;
    private const int DefaultDirectoryMode = 0x1ED;

    private readonly ItemSource _source;
    private readonly ItemRestoreOptions _options;
    private readonly Action<ImageBackupException> _onProblem;
    private readonly Action<string> _onWarning;
    private readonly bool _isWindows;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly SharedFolder _root;
    private readonly ItemWalk _walk;
    private readonly RestoredPaths _done;
    private readonly Dictionary<(ulong, ulong), FoundItem> _linked = [];
    private readonly List<FoundItem> _directories = [];
    private readonly List<FoundItem> _links = [];
    private readonly object _telling = new();
    private readonly int _umask = Umask.Current();
    private RestoreWriters _writers;
    private bool _hasToldOfSecurity;
    private IProgress<JobProgress>? _progress;
    private CancellationToken _cancellation;
    private TimeSpan _lastReport;
    private long _fileCount, _directoryCount, _linkCount, _hardLinkCount, _failedCount, _sizeBytes, _copiedBytes;

    /// <param name="source">The image.</param>
    /// <param name="options">Where to, and how.</param>
    /// <param name="onProblem">Called with each item that was not restored.</param>
    /// <param name="onWarning">Called with what of a restored item is missing.</param>
    /// <exception cref="ImageBackupException">WriteFailed, TargetInvalid: the destination cannot be made or opened.</exception>
    public ItemRestorer(ItemSource source, ItemRestoreOptions options, Action<ImageBackupException> onProblem, Action<string> onWarning)
        : this(source, options, onProblem, onWarning, OpenRoot(options.Destination), RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
    {
    }

    /// <param name="source">The image.</param>
    /// <param name="options">How.</param>
    /// <param name="onProblem">As above.</param>
    /// <param name="onWarning">As above.</param>
    /// <param name="root">The destination; becomes the restorer's.</param>
    /// <param name="isWindows">The destination's system.</param>
    internal ItemRestorer(ItemSource source, ItemRestoreOptions options, Action<ImageBackupException> onProblem, Action<string> onWarning, RootedFolder root, bool isWindows)
    {
        _root = new SharedFolder(root);
        _writers = new RestoreWriters(0, WriteGuarded);
        _isWindows = isWindows;
        _source = source;
        _options = options;
        _onProblem = failure =>
        {
            lock (_telling)
            {
                _failedCount++;
                onProblem(failure);
            }
        };
        _onWarning = warning =>
        {
            lock (_telling)
                onWarning(warning);
        };
        _walk = new ItemWalk(source, _onProblem);
        _done = new RestoredPaths(ignoresCase: _isWindows);
    }

    internal static RootedFolder OpenRoot(string destination)
    {
        try
        {
            return RootedFolder.Open(destination, UnixFileName.Encode);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageBackupException(ErrorId.WriteFailed, $"The directory '{destination}' cannot be used: {e.Message}", destination, e);
        }
    }

    /// <summary>Restores an item; a directory with all that is in it.</summary>
    /// <exception cref="ImageBackupException">The storage is away.</exception>
    public void Restore(FoundItem item, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        _progress = progress;
        // The directories on the way are made, with the mode and times that they have in the image.
        var folders = new List<SharedFolder>();
        _cancellation = cancellation;
        using var writers = new RestoreWriters(item.Entry.Kind == FileTreeKind.Directory ? _options.WriterCount : 0, WriteGuarded);
        _writers = writers;
        try
        {
            SharedFolder folder = _root;
            FoundItem parent = new(_source.Tree.Root, []);
            for (int i = 0; i < item.Names.Count - 1 && !_options.Flatten; i++)
            {
                if (_source.Tree.Find(parent.Entry, item.Names[i], cancellation) is not { } entry)
                    break;
                parent = new FoundItem(entry, item.Names.Take(i + 1).ToArray());
                if (Enter(folder, parent) is not { } next)
                    return;
                folders.Add(next);
                folder = next;
            }
            Restore(folder, item, null, [], cancellation);
            writers.Finish();
        }
        catch (Exception e) when (ItemSource.Failure(e, PathOf(item), PathOf(item)) is not null)
        {
            Report(ItemSource.Failure(e, PathOf(item), PathOf(item))!);
        }
        finally
        {
            for (int i = folders.Count - 1; i >= 0; i--)
                folders[i].Dispose();
        }
    }

    /// <summary>Makes the links, sets the directories' times, and tells what was done.</summary>
    public ItemRestoreResult Finish(CancellationToken cancellation)
    {
        foreach (FoundItem link in _links)
        {
            cancellation.ThrowIfCancellationRequested();
            InFolderOf(link, folder => MakeLink(folder, link));
        }
        // From the bottom up: what is made in a directory changes its times.
        for (int i = _directories.Count - 1; i >= 0; i--)
        {
            FoundItem directory = _directories[i];
            InFolderOf(directory, folder =>
            {
                using RootedFolder itself = folder.OpenOrCreate(directory.Entry.Name);
                Warn(directory, itself.Set(MetadataOf(directory.Entry, DefaultDirectoryMode)));
            });
        }
        return new ItemRestoreResult
        {
            ImageId = _source.Image.Id,
            Notes = _source.Notes,
            Volume = _source.Image.Volume,
            Destination = _options.Destination,
            FileCount = _fileCount,
            DirectoryCount = _directoryCount,
            LinkCount = _linkCount,
            HardLinkCount = _hardLinkCount,
            FailedCount = _failedCount,
            SizeBytes = _sizeBytes,
            Duration = _clock.Elapsed,
        };
    }

    private string PathOf(FoundItem item) => item.PathIn(_source);

    // A damaged directory has a name twice, of two files.
    private string IdentityOf(FoundItem item) => FormattableString.Invariant($"{item.Entry.VolumePart}:{item.Entry.FileId}:{PathOf(item)}");

    /// <param name="folder">Where it goes.</param>
    /// <param name="item">The item.</param>
    /// <param name="batch">The files of its directory that are handed over together; null: it stands alone.</param>
    /// <param name="above">The directories in which it lies.</param>
    /// <param name="cancellation">Ends the restore.</param>
    private void Restore(SharedFolder folder, FoundItem item, List<(FoundItem, bool)>? batch, HashSet<(ulong, ulong)> above, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        FileTreeEntry entry = item.Entry;
        switch (entry.Kind)
        {
            case FileTreeKind.Directory:
                RestoreDirectory(folder, item, above, cancellation);
                break;
            // A file with several names is written at once: the others are made of the first.
            case FileTreeKind.File when Begin(folder.Folder, item, out bool replaces):
                if (entry.LinkCount > 1)
                    Guard(item, () => RestoreLinkedFile(folder.Folder, item, replaces));
                else if (batch is null)
                    _writers.WriteNow(folder.Folder, item, replaces);
                else
                    batch.Add((item, replaces));
                break;
            case FileTreeKind.SymbolicLink when Begin(folder.Folder, item, out _):
                _links.Add(item);
                break;
            case FileTreeKind.File or FileTreeKind.SymbolicLink:
                break;
            default:
                Refuse(item, entry.Refusal ?? $"a {entry.Kind} is not restored");
                break;
        }
    }

    private void RestoreDirectory(SharedFolder folder, FoundItem item, HashSet<(ulong, ulong)> above, CancellationToken cancellation)
    {
        if (item.Entry.Refusal is { } refusal)
        {
            Refuse(item, refusal);
            return;
        }
        // A directory that lies in itself.
        if (!above.Add((item.Entry.VolumePart, item.Entry.FileId)))
        {
            Refuse(item, "the directory lies in itself");
            return;
        }
        SharedFolder? made = null;
        try
        {
            if (item.Names.Count > 0 && !_options.Flatten)
            {
                made = Enter(folder, item);
                if (made is null)
                    return;
            }
            var batch = new List<(FoundItem, bool)>();
            foreach (FoundItem child in _walk.Children(item, cancellation))
            {
                Restore(made ?? folder, child, batch, above, cancellation);
                if (batch.Count < BatchCount)
                    continue;
                HandOver(made ?? folder, batch);
                batch = [];
            }
            HandOver(made ?? folder, batch);
        }
        finally
        {
            made?.Dispose();
            above.Remove((item.Entry.VolumePart, item.Entry.FileId));
        }
    }

    private void HandOver(SharedFolder folder, List<(FoundItem, bool)> batch)
    {
        if (batch.Count > 0)
            _writers.Add(new RestoreBatch(folder.Share(), batch));
    }

    /// <summary>Opens the directory's place below its parent's, or makes it; null if that is refused.</summary>
    private SharedFolder? Enter(SharedFolder folder, FoundItem directory)
    {
        if (ItemNames.Problem(directory.Entry.Name, _isWindows) is { } problem)
        {
            Refuse(directory, problem);
            return null;
        }
        SharedFolder? made = null;
        Guard(directory, () =>
        {
            made = new SharedFolder(folder.Folder.OpenOrCreate(directory.Entry.Name));
            if (_done.Add(TargetOf(directory), IdentityOf(directory)) == RestoredPath.Free)
            {
                _directories.Add(directory);
                _directoryCount++;
            }
        });
        return made;
    }

    /// <summary>The name is free, or may be replaced, and the item is not restored yet.</summary>
    private bool Begin(RootedFolder folder, FoundItem item, out bool replaces)
    {
        replaces = false;
        if (ItemNames.Problem(item.Entry.Name, _isWindows) is { } problem)
            return Refuse(item, problem);
        if (item.Entry.Refusal is { } refusal)
            return Refuse(item, refusal);
        bool isFree = false, exists = false;
        Guard(item, () =>
        {
            // Else the making of the file itself finds out, which takes a name only if it is free.
            bool isDirectory = false;
            if (_options.Overwrite || item.Entry.Kind != FileTreeKind.File || item.Entry.LinkCount > 1)
                (exists, isDirectory) = folder.Find(item.Entry.Name);
            RestoredPath known = _done.Add(TargetOf(item), IdentityOf(item));
            bool isOurs = known != RestoredPath.Free;
            // The same item again: a directory and then a file in it were asked for. Another one: two names that are one here.
            if (known == RestoredPath.SameItem)
                return;
            if (isOurs || exists && (isDirectory || !_options.Overwrite))
            {
                Report(Exists(item, isOurs ? "another item of this restore already" : isDirectory ? "a directory" : "there already"));
                return;
            }
            isFree = true;
        });
        replaces = exists;
        return isFree;
    }

    private ImageBackupException Exists(FoundItem item, string asWhat) =>
        new(ErrorId.ItemExists, $"'{PathOf(item)}' was not restored: '{TargetOf(item)}' is {asWhat}.", PathOf(item));

    // Several names of one file: a second one that is restored is a name of the first.
    private void RestoreLinkedFile(RootedFolder folder, FoundItem item, bool replaces)
    {
        (ulong, ulong) key = (item.Entry.VolumePart, item.Entry.FileId);
        if (_linked.TryGetValue(key, out FoundItem? first) && TryHardLink(first, folder, item, replaces))
            return;
        if (_writers.WriteNow(folder, item, replaces))
            _linked[key] = item;
    }

    /// <summary>False: the target's file system has no second names, or no more for this file; it is restored as a copy.</summary>
    private bool TryHardLink(FoundItem first, RootedFolder folder, FoundItem item, bool replaces)
    {
        string name = item.Entry.Name;
        string made = replaces ? TemporaryName() : name;
        try
        {
            InFolder(first, directory => directory.CreateHardLink(first.Entry.Name, folder, made));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _onWarning($"'{PathOf(item)}' is restored as a copy, and not as a second name of '{PathOf(first)}': {e.Message.TrimEnd('.')}.");
            return false;
        }
        if (replaces)
        {
            try
            {
                folder.Replace(made, name);
            }
            finally
            {
                // A rename between two names of one file leaves both.
                folder.Delete(made);
            }
        }
        Interlocked.Increment(ref _fileCount);
        _hardLinkCount++;
        return true;
    }

    private static string TemporaryName() => $".imagebackup-{Guid.NewGuid():N}.tmp";

    private bool WriteGuarded(RootedFolder folder, FoundItem item, bool replaces, byte[] buffer)
    {
        bool isWritten = false;
        Guard(item, () => isWritten = WriteFile(folder, item, replaces, buffer));
        return isWritten;
    }

    /// <returns>False: its name is not free, which was told.</returns>
    private bool WriteFile(RootedFolder folder, FoundItem item, bool replaces, byte[] buffer)
    {
        _cancellation.ThrowIfCancellationRequested();
        using ISparseBlockReader data = _source.Tree.OpenData(item.Entry);
        string name = item.Entry.Name;
        // The old file goes when the new one is whole.
        string written = replaces ? TemporaryName() : name;
        RootedFile file;
        try
        {
            file = folder.Create(written);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException && folder.Find(written) is { Exists: true } found)
        {
            Report(Exists(item, found.IsDirectory ? "a directory" : "there already"));
            return false;
        }
        // From here on it is ours to remove.
        try
        {
            using (file)
            {
                Copy(data, file, buffer);
                // Before the times are set: a stream that is written changes them.
                if (_options.IncludeStreams)
                    RestoreStreams(folder, item, written, buffer);
                Warn(item, file.Set(MetadataOf(item.Entry, DefaultFileMode)));
            }
            if (replaces)
                folder.Replace(written, name);
        }
        catch
        {
            folder.Delete(written);
            throw;
        }
        Interlocked.Increment(ref _fileCount);
        Interlocked.Add(ref _sizeBytes, data.LengthBytes);
        return true;
    }

    // Holes stay holes if the target's file system has them.
    private void Copy(ISparseBlockReader data, RootedFile file, byte[] buffer)
    {
        long end = 0;
        // A file without holes is as long as what is written of it.
        if (data.LengthBytes > 0 && data.NextData(0) != new ByteRange(0, data.LengthBytes))
            file.SetLength(data.LengthBytes);
        while (end < data.LengthBytes && data.NextData(end) is { } range)
        {
            for (end = range.OffsetBytes; end < range.EndBytes;)
            {
                _cancellation.ThrowIfCancellationRequested();
                int wanted = (int)Math.Min(buffer.Length, range.EndBytes - end), count = data.ReadAt(end, buffer.AsSpan(0, wanted));
                if (count != wanted)
                    throw new FileSystemFormatException($"the file ends at {end + count} instead of {data.LengthBytes}");
                file.WriteAt(end, buffer, count);
                end += count;
                Interlocked.Add(ref _copiedBytes, count);
                ReportProgress();
            }
        }
    }

    private void RestoreStreams(RootedFolder folder, FoundItem item, string written, byte[] buffer)
    {
        foreach (FileTreeStream stream in _source.Tree.ListStreams(item.Entry))
        {
            if (!_isWindows)
            {
                _onWarning($"'{PathOf(item)}': the stream '{stream.Name}' was not restored: files have no streams here.");
                continue;
            }
            if (ItemNames.Problem(stream.Name, isWindows: true) is { } problem)
            {
                _onWarning($"'{PathOf(item)}': the stream '{stream.Name}' was not restored: {problem}.");
                continue;
            }
            // A file without one of its streams is worth more than none.
            try
            {
                using ISparseBlockReader data = _source.Tree.OpenData(item.Entry, stream.Name);
                using RootedFile file = folder.CreateStream(written, stream.Name);
                Copy(data, file, buffer);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or FileSystemFormatException or BlockReadException { IsGone: false })
            {
                _onWarning($"'{PathOf(item)}': the stream '{stream.Name}' was not restored: {e.Message.TrimEnd('.')}.");
            }
        }
    }

    private void MakeLink(RootedFolder folder, FoundItem link)
    {
        string target = _source.Tree.ReadLink(link.Entry);
        if (target.Length == 0 || target.IndexOf('\0') >= 0)
        {
            Refuse(link, "its target is not a path");
            return;
        }
        (bool exists, bool isDirectory) = folder.Find(link.Entry.Name);
        if (exists && !isDirectory && _options.Overwrite)
            folder.Delete(link.Entry.Name);
        folder.CreateLink(link.Entry.Name, target, MetadataOf(link.Entry, DefaultFileMode));
        _linkCount++;
    }

    /// <summary>Opens the directories that lead to an item once more, from the destination on.</summary>
    private void InFolderOf(FoundItem item, Action<RootedFolder> action) => Guard(item, () => InFolder(item, action));

    private void InFolder(FoundItem item, Action<RootedFolder> action)
    {
        var folders = new List<RootedFolder>();
        try
        {
            RootedFolder folder = _root.Folder;
            for (int i = 0; i < item.Names.Count - 1 && !_options.Flatten; i++)
            {
                folder = folder.OpenOrCreate(item.Names[i]);
                folders.Add(folder);
            }
            action(folder);
        }
        finally
        {
            for (int i = folders.Count - 1; i >= 0; i--)
                folders[i].Dispose();
        }
    }

    private RestoredMetadata MetadataOf(FileTreeEntry entry, int defaultMode)
    {
        static (long, int)? Time(FileTreeTime? time) => time is { } value ? (value.Seconds, value.Nanoseconds) : null;
        bool isAll = _options.PreservePermissions;
        return new RestoredMetadata
        {
            Modified = Time(entry.Modified),
            Accessed = Time(entry.Accessed),
            Created = entry.Created?.ToDateTime(),
            Permissions = isAll && entry.Permissions is { } all ? all : (entry.Permissions ?? defaultMode) & 0x1FF & ~_umask,
            Owner = isAll && entry is { UserId: { } user, GroupId: { } group } ? (user, group) : null,
            Attributes = isAll && entry.Attributes is { } attributes ? (FileAttributes)((int)attributes & 0x27) : null,
            ExtendedAttributes = isAll && !_isWindows && entry.Kind is FileTreeKind.File or FileTreeKind.Directory
                ? AttributesOf(entry) : [],
            SecurityDescriptor = isAll && _source.Tree is ISecuredFileTree secured ? DescriptorOf(secured, entry) : null,
        };
    }

    // As with attributes: the file itself is worth more than none.
    private byte[]? DescriptorOf(ISecuredFileTree tree, FileTreeEntry entry)
    {
        if (!_isWindows)
        {
            lock (_telling)
            {
                if (!_hasToldOfSecurity)
                    _onWarning("Owners and access lists of NTFS are not restored: files have others here.");
                _hasToldOfSecurity = true;
            }
            return null;
        }
        try
        {
            if (tree.ReadSecurityDescriptor(entry) is { } descriptor)
                return descriptor;
            _onWarning($"'{entry.Name}': the owner and the access list were not restored: the image has none of it.");
        }
        catch (Exception e) when (e is FileSystemFormatException or BlockReadException { IsGone: false })
        {
            _onWarning($"'{entry.Name}': the owner and the access list were not restored: {e.Message}");
        }
        return null;
    }

    // A file whose attributes are damaged is worth more than none.
    private IReadOnlyList<(string Name, byte[] Value)> AttributesOf(FileTreeEntry entry)
    {
        try
        {
            return [.. _source.Tree.ListExtendedAttributes(entry).Select(attribute => (attribute.Name, attribute.Value))];
        }
        catch (Exception e) when (e is FileSystemFormatException or BlockReadException { IsGone: false })
        {
            _onWarning($"'{entry.Name}': the extended attributes were not restored: {e.Message}");
            return [];
        }
    }

    /// <summary>One item that cannot be restored does not keep the others from it.</summary>
    private void Guard(FoundItem item, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is LinkInRepositoryException or ArgumentException)
        {
            Refuse(item, e is ArgumentException ? "its name cannot be a file's name here" : $"{e.Message.TrimEnd('.')}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            Report(new ImageBackupException(ErrorId.WriteFailed, $"'{PathOf(item)}' was not restored: {e.Message.TrimEnd('.')}.", PathOf(item), e));
        }
        catch (Exception e) when (ItemSource.Failure(e, PathOf(item), PathOf(item)) is not null)
        {
            Report(ItemSource.Failure(e, PathOf(item), PathOf(item))!);
        }
    }

    private bool Refuse(FoundItem item, string why)
    {
        Report(new ImageBackupException(ErrorId.ItemRefused, $"'{PathOf(item)}' was not restored: {why}.", PathOf(item)));
        return false;
    }

    private void Report(ImageBackupException failure)
    {
        if (failure.Id is not (ErrorId.ItemRefused or ErrorId.ItemExists or ErrorId.ItemUnreadable or ErrorId.WriteFailed))
            throw failure;
        _onProblem(failure);
    }

    private void Warn(FoundItem item, IReadOnlyList<string> failures)
    {
        if (failures.Count > 0)
            _onWarning($"'{PathOf(item)}' was restored, but {string.Join(", ", failures)}.");
    }

    private string TargetOf(FoundItem item) => _options.Flatten
        ? Path.Combine(_options.Destination, item.Entry.Name)
        : Path.Combine(_options.Destination, string.Join(Path.DirectorySeparatorChar.ToString(), item.Names));

    private void ReportProgress()
    {
        if (_progress is null)
            return;
        lock (_telling)
        {
            if (_clock.Elapsed - _lastReport < TimeSpan.FromMilliseconds(200))
                return;
            _lastReport = _clock.Elapsed;
            _progress.Report(new JobProgress(JobPhase.Copying, _source.Image.Volume, Interlocked.Read(ref _copiedBytes), 0, 0, _clock.Elapsed));
        }
    }

    public void Dispose()
    {
        _writers.Dispose();
        _root.Dispose();
        _done.Dispose();
    }
}
