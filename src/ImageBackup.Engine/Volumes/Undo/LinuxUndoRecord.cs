using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Files;
using ImageBackup.Engine.Volumes.Linux.Mounts;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Undo;

/// <summary>
/// A small file that says what this process has taken and must give back: a volume remounted read-only, a snapshot. It is
/// there before the thing is taken, and locked while the process lives; one without a lock was left by a killed
/// run. The kernel drops a lock with its process, so neither a process id used again nor another container's misleads.
/// </summary>
internal sealed class LinuxUndoRecord : IUndoRecord
{
    private const string UnfinishedSuffix = ".new";
    private const string BootKey = "boot";
    private const int MaxBytes = 64 << 10;
    private const int TakeOverAttempts = 50;
    private static readonly TimeSpan s_takeOverPause = TimeSpan.FromMilliseconds(10);
    private const uint OwnerOnly = 0x180; // 0600

    private readonly string _path;
    private readonly FileDescriptor _descriptor;

    private LinuxUndoRecord(string path, FileDescriptor descriptor, IReadOnlyDictionary<string, string> values)
    {
        _path = path;
        _descriptor = descriptor;
        Values = values;
    }

    /// <summary>Where the records of things that outlive a restart of the machine lie, and those of things that do not.</summary>
    public static string LastingDirectory => Path.Combine(MachineFolders.LastingState, UndoRecordFiles.DirectoryName);
    public static string PassingDirectory => Path.Combine(MachineFolders.PassingState, UndoRecordFiles.DirectoryName);

    public IReadOnlyDictionary<string, string> Values { get; }

    /// <summary>Whether the machine has not been restarted since.</summary>
    public bool IsOfThisBoot => IsOf(Values);

    private static string? BootId => LinuxRoots.TryReadText("/proc/sys/kernel/random/boot_id");

    /// <summary>Written, durable and locked when it returns. Values are one line each.</summary>
    /// <exception cref="IOException">It could not be: nothing must be taken then.</exception>
    public static LinuxUndoRecord Create(string directory, string kind, IReadOnlyDictionary<string, string> values)
    {
        DurableFiles.CreatePrivateDirectory(directory);
        string path = Path.Combine(directory, $"{kind}-{Guid.NewGuid():N}{UndoRecordFiles.Suffix}");
        string unfinished = path + UnfinishedSuffix;
        FileDescriptor descriptor = FileDescriptor.Open(unfinished, Libc.O_RDWR | Libc.O_CREAT | Libc.O_EXCL, out int errno, OwnerOnly)
            ?? throw new IOException($"'{unfinished}' could not be made: {Errno.Describe(errno)}.");
        try
        {
            var all = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (KeyValuePair<string, string> value in values)
                all.Add(value.Key, value.Value);
            all[BootKey] = BootId ?? "";
            byte[] bytes = Encoding.UTF8.GetBytes(Write(all));
            if (!descriptor.Lock(Libc.LOCK_EX | Libc.LOCK_NB, out errno)
                || descriptor.Write(0, bytes, out errno) != bytes.Length
                || !descriptor.Sync(out errno)
                || Libc.rename(LinuxPath.ToNative(unfinished), LinuxPath.ToNative(path)) != 0)
            {
                throw new IOException($"'{unfinished}' could not be written: {Errno.Describe(errno)}.");
            }
            DurableFiles.SyncDirectory(directory);
            return new LinuxUndoRecord(path, descriptor, all);
        }
        catch
        {
            _ = Libc.unlink(LinuxPath.ToNative(unfinished));
            _ = Libc.unlink(LinuxPath.ToNative(path));
            descriptor.Dispose();
            throw;
        }
    }

    /// <summary>The records that killed runs left; each is locked now, so that only one run undoes it. Never throws.</summary>
    public static IReadOnlyList<LinuxUndoRecord> Abandoned(string directory, string kind)
    {
        var found = new List<LinuxUndoRecord>();
        foreach (string path in Files(directory, kind, withUnfinished: true))
        {
            if (Open(path, out _) is not { } descriptor)
                continue;
            if (!TryTakeOver(descriptor) || !File.Exists(path))
            {
                descriptor.Dispose();
                continue;
            }
            var record = new LinuxUndoRecord(path, descriptor, Read(descriptor));
            // Its maker died before it took anything.
            if (path.EndsWith(UnfinishedSuffix, StringComparison.Ordinal))
                record.Remove();
            else
                found.Add(record);
        }
        return found;
    }

    /// <summary>What the records of killed runs say; none is taken over. Never throws.</summary>
    public static IReadOnlyList<UndoRecordContent> Left(string directory, string kind) =>
        [.. Contents(directory, kind).Where(content => !content.IsHeld).Select(content => content.Record)];

    /// <summary>What the records of living processes say.</summary>
    public static IReadOnlyList<IReadOnlyDictionary<string, string>> Living(string directory, string kind) =>
        [.. Contents(directory, kind).Where(content => content.IsHeld).Select(content => content.Record.Values)];

    /// <summary>The thing is given back.</summary>
    public void Remove()
    {
        _ = Libc.unlink(LinuxPath.ToNative(_path));
        Dispose();
    }

    /// <summary>The thing could not be given back: the next run finds the record.</summary>
    public void Dispose() => _descriptor.Dispose();

    /// <summary>
    /// The records in a directory that are not taken, each with the reason: somebody else may have written them, and what they
    /// ask for would be done with our rights.
    /// </summary>
    public static IReadOnlyList<(string Path, string Why)> Refused(string directory, string kind)
    {
        var refused = new List<(string Path, string Why)>();
        foreach (string path in Files(directory, kind))
        {
            using FileDescriptor? descriptor = Open(path, out string? complaint);
            if (complaint is not null)
                refused.Add((path, $"The undo record '{path}' of a killed run is not used: {complaint}. Look at it and remove it."));
        }
        return refused;
    }

    /// <summary>Full paths of the kind's records, in today's directory and in that of 0.1.0.</summary>
    private static IEnumerable<string> Files(string directory, string kind, bool withUnfinished = false)
    {
        foreach (string place in UndoRecordFiles.DirectoriesToRead(directory))
        {
            foreach (string name in LinuxRoots.Names(place))
            {
                bool isUnfinished = name.EndsWith(UnfinishedSuffix, StringComparison.Ordinal);
                if (UndoRecordFiles.IsRecord(isUnfinished ? name.Substring(0, name.Length - UnfinishedSuffix.Length) : name, kind) && (withUnfinished || !isUnfinished))
                    yield return Path.GetFullPath(Path.Combine(place, name));
            }
        }
    }

    /// <summary>Null if it is not there or not to be relied on; then the complaint says why.</summary>
    private static FileDescriptor? Open(string path, out string? complaint)
    {
        complaint = null;
        if (FileDescriptor.Open(path, Libc.O_RDWR | Libc.O_NOFOLLOW | Libc.O_NONBLOCK, out int errno) is not { } descriptor)
        {
            complaint = errno == Errno.ELOOP ? "it is a link" : null;
            return null;
        }
        complaint = (FileOwnership.IsRegular(descriptor) ? null : "it is not a plain file")
            ?? FileOwnership.Complaint(descriptor, FilePrivacy.Orders) ?? FileOwnership.PlaceComplaint(path, descriptor);
        if (complaint is null)
            return descriptor;
        descriptor.Dispose();
        return null;
    }

    private static IEnumerable<(bool IsHeld, UndoRecordContent Record)> Contents(string directory, string kind)
    {
        foreach (string path in Files(directory, kind))
        {
            using FileDescriptor? descriptor = Open(path, out _);
            if (descriptor is null)
                continue;
            // Shared: two that only look do not take each other for the record's holder.
            bool isHeld = !descriptor.Lock(Libc.LOCK_SH | Libc.LOCK_NB, out _);
            Dictionary<string, string> values = Read(descriptor);
            if (isHeld || File.Exists(path))
                yield return (isHeld, new UndoRecordContent(values, IsOf(values)));
        }
    }

    /// <summary>False if a living process holds it. One that only looks at it is waited for.</summary>
    private static bool TryTakeOver(FileDescriptor descriptor)
    {
        for (int attempt = 0; attempt < TakeOverAttempts; attempt++)
        {
            if (descriptor.Lock(Libc.LOCK_EX | Libc.LOCK_NB, out _))
                return true;
            if (!descriptor.Lock(Libc.LOCK_SH | Libc.LOCK_NB, out _))
                return false;
            _ = descriptor.Lock(Libc.LOCK_UN, out _);
            Thread.Sleep(s_takeOverPause);
        }
        return false;
    }

    private static bool IsOf(IReadOnlyDictionary<string, string> values) => values.Find(BootKey) == BootId;

    private static Dictionary<string, string> Read(FileDescriptor descriptor)
    {
        byte[] bytes = new byte[MaxBytes];
        int count = descriptor.Read(0, bytes, out _);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (KeyValuePair<string, string> value in PropertyLines.Parse(Encoding.UTF8.GetString(bytes, 0, Math.Max(0, count))))
            values[value.Key] = MountTable.Unescape(value.Value);
        return values;
    }

    private static string Write(Dictionary<string, string> values)
    {
        var text = new StringBuilder();
        foreach (KeyValuePair<string, string> value in values)
            text.Append(value.Key).Append('=').Append(value.Value.Replace(@"\", @"\134").Replace("\n", @"\012")).Append('\n');
        return text.ToString();
    }
}

/// <summary>What a record says.</summary>
/// <param name="Values">By key.</param>
/// <param name="IsOfThisBoot">Whether the machine has not been restarted since.</param>
internal sealed record UndoRecordContent(IReadOnlyDictionary<string, string> Values, bool IsOfThisBoot);
