using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Tests.Interop.FileSystems.Trees;

/// <summary>What of each file is compared: what the file system keeps and its driver shows.</summary>
[Flags]
internal enum OracleFields
{
    /// <summary>Paths, kinds, lengths, contents.</summary>
    Always = 0,
    Modified = 1,
    Accessed = 2,
    Changed = 4,
    Created = 8,
    Permissions = 0x10,
    Owner = 0x20,

    /// <summary>The count, and which names are one file.</summary>
    Links = 0x40,
    ExtendedAttributes = 0x80,
    Device = 0x100,

    /// <summary>FileId is the driver's inode number.</summary>
    Inode = 0x200,
    Unix = 0x3FF,
}

/// <summary>Compares a whole mounted directory with an <see cref="IFileTree"/>, file by file.</summary>
internal static class TreeOracle
{
    private const int BlockBytes = 4096;
    private const int MaxDifferences = 40;

    // Content of a shorter file is read whole, holes too, and NextData is held to its contract.
    private const long WholeReadBytes = 8 << 20;

    /// <summary>What differs, one line each: empty if all is equal. Mount with noatime, or read-only.</summary>
    /// <param name="mountPath">A directory of the driver that is believed.</param>
    /// <param name="tree">The tree under test.</param>
    /// <param name="fields">What is compared.</param>
    /// <param name="timeUnitNanoseconds">The driver's times are cut to this (100: NTFS; 2,000,000,000: FAT).</param>
    /// <param name="skips">Paths (relative, with "/") that are left out on both sides, with what is below them.</param>
    public static List<string> Differences(
        string mountPath, IFileTree tree, OracleFields fields = OracleFields.Unix, long timeUnitNanoseconds = 1, Func<string, bool>? skips = null)
    {
        SortedDictionary<string, string> expected = Describe(mountPath, fields, timeUnitNanoseconds, skips), actual = Describe(tree, fields, timeUnitNanoseconds, skips);
        var differences = new List<string>();
        foreach (string path in expected.Keys.Union(actual.Keys).Order(StringComparer.Ordinal))
        {
            if (!actual.TryGetValue(path, out string? ours))
                differences.Add($"{Shown(path)}: missing; the driver has {expected[path]}");
            else if (!expected.TryGetValue(path, out string? theirs))
                differences.Add($"{Shown(path)}: the driver does not have it; the tree has {ours}");
            else if (ours != theirs)
                differences.Add($"{Shown(path)}:\n  driver {theirs}\n  tree   {ours}");
            if (differences.Count == MaxDifferences)
                break;
        }
        if (expected.Count == 0)
            differences.Add("The mounted directory is empty: nothing was compared.");
        return differences;
    }

    /// <summary>How many paths are below a mounted directory.</summary>
    public static int Count(string mountPath) =>
        RawFiles.List(mountPath).Sum(name => 1 + (RawFiles.Stat($"{mountPath}/{name}").Type == RawFiles.DirectoryType ? Count($"{mountPath}/{name}") : 0));

    /// <summary>Every path below a mounted directory with all that is compared, in one line.</summary>
    public static SortedDictionary<string, string> Describe(string mountPath, OracleFields fields, long timeUnitNanoseconds = 1, Func<string, bool>? skips = null)
    {
        var lines = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var names = new Dictionary<(ulong, ulong), string>();
        void Walk(string directory, string relative)
        {
            foreach (string name in RawFiles.List(directory).Order(StringComparer.Ordinal))
            {
                string path = $"{directory}/{name}", shown = relative + name;
                if (skips?.Invoke(shown) == true)
                    continue;
                RawFiles.Status status = RawFiles.Stat(path);
                FileTreeKind kind = status.Type switch
                {
                    RawFiles.FileType => FileTreeKind.File,
                    RawFiles.DirectoryType => FileTreeKind.Directory,
                    RawFiles.LinkType => FileTreeKind.SymbolicLink,
                    RawFiles.BlockType => FileTreeKind.BlockDevice,
                    RawFiles.CharacterType => FileTreeKind.CharacterDevice,
                    RawFiles.FifoType => FileTreeKind.Fifo,
                    _ => FileTreeKind.Socket,
                };
                var entry = new FileTreeEntry
                {
                    Name = name,
                    Kind = kind,
                    FileId = status.Inode,
                    VolumePart = status.Device,
                    SizeBytes = status.SizeBytes,
                    LinkCount = status.LinkCount,
                    Modified = status.Modified,
                    Accessed = status.Accessed,
                    Changed = status.Changed,
                    Created = status.Created,
                    Permissions = status.Mode & 0xFFF,
                    UserId = status.UserId,
                    GroupId = status.GroupId,
                    Device = status.Special,
                };
                lines.Add(shown, Line(entry, shown, fields, timeUnitNanoseconds, names,
                    () => RawFiles.ReadLink(path), () => HashFile(path),
                    () => RawFiles.ExtendedAttributes(path).Select(pair => new FileTreeAttribute(pair.Key, pair.Value))));
                if (kind == FileTreeKind.Directory)
                    Walk(path, shown + "/");
            }
        }
        Walk(mountPath, "");
        return lines;
    }

    /// <summary>The same of a tree. Each entry is found again by its name on the way.</summary>
    public static SortedDictionary<string, string> Describe(IFileTree tree, OracleFields fields, long timeUnitNanoseconds = 1, Func<string, bool>? skips = null)
    {
        var lines = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var names = new Dictionary<(ulong, ulong), string>();
        void Walk(FileTreeEntry directory, string relative)
        {
            List<FileTreeEntry> entries = tree.List(directory, CancellationToken.None).ToList();
            int number = 0;
            foreach (FileTreeEntry entry in entries.OrderBy(entry => entry.Name, StringComparer.Ordinal))
            {
                string shown = relative + entry.Name;
                if (skips?.Invoke(shown) == true)
                    continue;
                string line;
                try
                {
                    line = Line(entry, shown, fields, timeUnitNanoseconds, names,
                        () => tree.ReadLink(entry), () => HashStream(tree, entry), () => tree.ListExtendedAttributes(entry));
                }
                catch (Exception e)
                {
                    line = e.ToString();
                }
                // Not each of thousands: a list for each would be their square.
                if ((entries.Count < 100 || number++ % 97 == 0) && tree.Find(directory, entry.Name, CancellationToken.None)?.FileId != entry.FileId)
                    line += " (Find does not find it)";
                if (!lines.TryAdd(shown, line))
                    lines[shown] += " (listed twice)";
                if (entry.Kind == FileTreeKind.Directory)
                    Walk(entry, shown + "/");
            }
            if (tree.Find(directory, "no such name here", CancellationToken.None) is not null)
                lines.Add(relative + "no such name here", "found");
        }
        Walk(tree.Root, "");
        return lines;
    }

    private static string Line(
        FileTreeEntry entry, string path, OracleFields fields, long timeUnit, Dictionary<(ulong, ulong), string> names,
        Func<string> target, Func<string> hash, Func<IEnumerable<FileTreeAttribute>> attributes)
    {
        var parts = new List<string> { entry.Kind.ToString() };
        bool Has(OracleFields field) => (fields & field) != 0;
        if (entry.Kind is FileTreeKind.File or FileTreeKind.SymbolicLink)
            parts.Add(FormattableString.Invariant($"{entry.SizeBytes} bytes"));
        if (entry.Kind == FileTreeKind.SymbolicLink)
            parts.Add("-> " + Shown(target()));
        if (Has(OracleFields.Modified))
            parts.Add("modified " + Time(entry.Modified, timeUnit));
        if (Has(OracleFields.Accessed))
            parts.Add("accessed " + Time(entry.Accessed, timeUnit));
        if (Has(OracleFields.Changed))
            parts.Add("changed " + Time(entry.Changed, timeUnit));
        if (Has(OracleFields.Created))
            parts.Add("created " + Time(entry.Created, timeUnit));
        if (Has(OracleFields.Permissions))
            parts.Add(Convert.ToString(entry.Permissions ?? -1, 8));
        if (Has(OracleFields.Owner))
            parts.Add(FormattableString.Invariant($"owner {entry.UserId}:{entry.GroupId}"));
        if (Has(OracleFields.Inode))
            parts.Add(FormattableString.Invariant($"inode {entry.FileId}"));
        if (Has(OracleFields.Links))
        {
            parts.Add(FormattableString.Invariant($"links {entry.LinkCount}"));
            if (entry.Kind != FileTreeKind.Directory && !names.TryAdd((entry.VolumePart, entry.FileId), path))
                parts.Add("the same as " + Shown(names[(entry.VolumePart, entry.FileId)]));
        }
        if (Has(OracleFields.Device) && entry.Kind is FileTreeKind.BlockDevice or FileTreeKind.CharacterDevice)
            parts.Add(FormattableString.Invariant($"device {entry.Device}"));
        if (Has(OracleFields.ExtendedAttributes))
        {
            foreach (FileTreeAttribute attribute in attributes().OrderBy(attribute => attribute.Name, StringComparer.Ordinal))
                parts.Add($"{attribute.Name}={(attribute.Value.Length > 40 ? Convert.ToHexString(SHA256.HashData(attribute.Value)) : Convert.ToHexString(attribute.Value))}");
        }
        if (entry.Kind == FileTreeKind.File)
            parts.Add(hash());
        return string.Join(", ", parts);
    }

    private static string Time(FileTreeTime? time, long unit)
    {
        if (time is not { } value)
            return "none";
        Int128 nanoseconds = (Int128)value.Seconds * 1_000_000_000 + value.Nanoseconds;
        Int128 cut = nanoseconds - (nanoseconds % unit + unit) % unit;
        return cut.ToString(CultureInfo.InvariantCulture);
    }

    private static string HashFile(string path)
    {
        using SafeFileHandle file = RawFiles.OpenRead(path);
        long length = RandomAccess.GetLength(file);
        return Hash(length, (offset, buffer) =>
        {
            int done = 0;
            for (int count; done < buffer.Length && (count = RandomAccess.Read(file, buffer.AsSpan(done), offset + done)) > 0; done += count)
            {
            }
            return done;
        }, offset => RawFiles.SeekData(file, offset) is >= 0 and var start ? new ByteRange(start, RawFiles.SeekHole(file, start) - start) : null);
    }

    private static string HashStream(IFileTree tree, FileTreeEntry entry)
    {
        using ISparseBlockReader reader = tree.OpenData(entry);
        string wrong = "";
        if (reader.LengthBytes != entry.SizeBytes)
            wrong += FormattableString.Invariant($" (the stream's length is {reader.LengthBytes})");
        if (reader.ReadAt(reader.LengthBytes, new byte[1]) != 0)
            wrong += " (reads behind its end)";
        if (reader.LengthBytes <= WholeReadBytes)
            wrong += BrokenRanges(reader);
        return Hash(reader.LengthBytes, (offset, buffer) => reader.ReadAt(offset, buffer), reader.NextData) + wrong;
    }

    // Outside of the ranges all bytes are zeros; odd offsets and lengths read what whole reads do.
    private static string BrokenRanges(ISparseBlockReader reader)
    {
        var whole = new byte[reader.LengthBytes];
        if (reader.ReadAt(0, whole) != whole.Length)
            return " (a whole read is short)";
        long end = 0;
        while (reader.NextData(end) is { } range)
        {
            if (range.OffsetBytes < end || range.LengthBytes <= 0 || range.EndBytes > whole.Length)
                return $" (NextData({end}) gives {range})";
            if (whole.AsSpan((int)end, (int)(range.OffsetBytes - end)).ContainsAnyExcept((byte)0))
                return $" (data before {range})";
            end = range.EndBytes;
        }
        if (whole.AsSpan((int)end).ContainsAnyExcept((byte)0))
            return $" (data after {end})";
        var random = new Random(whole.Length);
        for (int i = 0; i < 8 && whole.Length > 0; i++)
        {
            int offset = random.Next(whole.Length);
            var part = new byte[random.Next(1, 20_000)];
            int count = reader.ReadAt(offset, part);
            if (count != Math.Min(part.Length, whole.Length - offset) || !part.AsSpan(0, count).SequenceEqual(whole.AsSpan(offset, count)))
                return $" (a read of {part.Length} bytes at {offset} differs from a whole read)";
        }
        return "";
    }

    /// <summary>Of the blocks that are not zero, with their places: holes of any size cost nothing.</summary>
    private static string Hash(long length, Func<long, byte[], int> read, Func<long, ByteRange?> nextData)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var block = new byte[BlockBytes];
        for (long offset = 0; offset < length && nextData(offset) is { } range;)
        {
            for (offset = range.OffsetBytes / BlockBytes * BlockBytes; offset < Math.Min(range.EndBytes, length); offset += BlockBytes)
            {
                int expected = (int)Math.Min(BlockBytes, length - offset), count = read(offset, block);
                if (count != expected)
                    throw new InvalidDataException($"{count} of {expected} bytes are read at {offset}.");
                if (!block.AsSpan(0, count).ContainsAnyExcept((byte)0))
                    continue;
                hash.AppendData(BitConverter.GetBytes(offset));
                hash.AppendData(block, 0, count);
            }
        }
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static string Shown(string path) =>
        string.Concat(path.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? $"\\u{(int)c:x4}" : c.ToString()));
}
