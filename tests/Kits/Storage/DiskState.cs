using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace ImageBackup.Tests.Kits.Storage;

/// <summary>What a disk holds below one directory: directories and files by their relative names.</summary>
internal sealed class DiskState
{
    private readonly HashSet<string> _directories = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]> _files = new(StringComparer.Ordinal);

    public static DiskState Read(string root)
    {
        var state = new DiskState();
        foreach (string path in Directory.EnumerateDirectories(root, "*", SearchOption.AllDirectories))
            state._directories.Add(Path.GetRelativePath(root, path));
        foreach (string path in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
            state._files.Add(Path.GetRelativePath(root, path), File.ReadAllBytes(path));
        return state;
    }

    public void WriteTo(string root)
    {
        Directory.CreateDirectory(root);
        // An empty directory of 256 costs more than it proves: the storage makes what it needs.
        foreach (string directory in _directories.Where(d => !d.StartsWith("data" + Path.DirectorySeparatorChar, StringComparison.Ordinal)))
            Directory.CreateDirectory(Path.Combine(root, directory));
        foreach ((string name, byte[] content) in _files)
        {
            string path = Path.Combine(root, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, content);
        }
    }

    /// <summary>What is left of this state and the steps taken on it, when the power goes after the last of them.</summary>
    public DiskState After(string root, ReadOnlySpan<FileStep> steps, CutKind kind, int seed)
    {
        var random = new Random(seed);
        var written = new Dictionary<int, Written>();
        var names = new List<NameChange>();
        var fileOf = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (FileStep step in steps)
        {
            string path = Path.GetRelativePath(root, step.Path);
            switch (step.Kind)
            {
                case FileStepKind.CreateDirectory:
                    names.Add(new NameChange(path, IsDirectory: true));
                    break;
                case FileStepKind.CreateFile:
                    written[step.File] = new Written();
                    fileOf[path] = step.File;
                    names.Add(new NameChange(path) { File = step.File });
                    break;
                case FileStepKind.Append:
                    written[step.File].Content.AddRange(step.Content!);
                    break;
                case FileStepKind.Flush:
                    written[step.File].FlushedBytes = written[step.File].Content.Count;
                    break;
                case FileStepKind.Truncate:
                    written[step.File].Content.Clear();
                    written[step.File].FlushedBytes = 0;
                    break;
                case FileStepKind.Move:
                    string to = Path.GetRelativePath(root, step.To!);
                    names.Add(new NameChange(to) { File = fileOf[path] });
                    names.Add(new NameChange(path) { IsRemoval = true });
                    fileOf[to] = fileOf[path];
                    fileOf.Remove(path);
                    break;
                case FileStepKind.Delete:
                    names.Add(new NameChange(path) { IsRemoval = true });
                    fileOf.Remove(path);
                    break;
                case FileStepKind.SyncDirectory:
                    // The flushed directory is "." if it is the root itself.
                    foreach (NameChange change in names.Where(n => n.Directory == (path == "." ? "" : path)))
                        change.IsFlushed = true;
                    break;
            }
        }

        var after = new DiskState();
        after._directories.UnionWith(_directories);
        foreach ((string name, byte[] content) in _files)
            after._files[name] = content;
        Dictionary<string, int> kept = names.Where(n => !n.IsFlushed).GroupBy(n => n.Directory).ToDictionary(g => g.Key, g => kind switch
        {
            CutKind.Dropped => 0,
            CutKind.Scattered => random.Next(g.Count() + 1),
            _ => int.MaxValue,
        });
        foreach (NameChange change in names)
        {
            if (!change.IsFlushed && kept[change.Directory]-- <= 0)
                continue;
            if (change.IsDirectory)
                after._directories.Add(change.Path);
            else if (change.IsRemoval)
                after._files.Remove(change.Path);
            else if (change.Directory.Length == 0 || after._directories.Contains(change.Directory))
                after._files[change.Path] = written[change.File].Left(kind, random);
        }
        return after;
    }

    private sealed record NameChange(string Path, bool IsDirectory = false)
    {
        public int File { get; init; } = -1;
        public bool IsRemoval { get; init; }
        public bool IsFlushed { get; set; }
        public string Directory => System.IO.Path.GetDirectoryName(Path) ?? "";
    }

    private sealed class Written
    {
        public List<byte> Content { get; } = [];
        public int FlushedBytes { get; set; }

        public byte[] Left(CutKind kind, Random random)
        {
            byte[] whole = [.. Content];
            int open = whole.Length - FlushedBytes;
            switch (kind)
            {
                case CutKind.Dropped:
                    return whole[..FlushedBytes];
                case CutKind.Torn:
                    return whole[..(FlushedBytes + open / 2)];
                case CutKind.Scattered when random.Next(2) == 0:
                    // The length made it, the content did not.
                    whole.AsSpan(FlushedBytes + random.Next(open + 1)).Clear();
                    return whole;
                case CutKind.Scattered:
                    return whole[..(FlushedBytes + random.Next(open + 1))];
                default:
                    return whole;
            }
        }
    }
}
