using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.Items;

/// <summary>An entry of an image's tree, with the names that lead to it from the root; the root has none. Any thread.</summary>
internal sealed class FoundItem
{
    private const int NoUnixMode = 0x10000;
    private const FileAttributesOfWindows ShownAttributes = FileAttributesOfWindows.Archive | FileAttributesOfWindows.ReadOnly | FileAttributesOfWindows.Hidden
        | FileAttributesOfWindows.System | FileAttributesOfWindows.ReparsePoint;

    /// <summary>Few of them are on any volume, and each file has one.</summary>
    private static readonly ConcurrentDictionary<(FileTreeKind Kind, int Bits), string> s_modes = new();

    private readonly FoundItem? _directory;
    private IReadOnlyList<string>? _names;
    private string? _path;

    public FoundItem(FileTreeEntry entry, IReadOnlyList<string> names)
    {
        Entry = entry;
        _names = names;
    }

    /// <param name="directory">In which it lies.</param>
    /// <param name="entry">The entry.</param>
    public FoundItem(FoundItem directory, FileTreeEntry entry)
    {
        Entry = entry;
        _directory = directory;
    }

    public FileTreeEntry Entry { get; }

    public IReadOnlyList<string> Names => _names ??= NamesBelow(_directory!.Names, Entry.Name);

    /// <summary>Its path from the root, with the separator of its source. Always asked with the same source: the path is kept.</summary>
    public string PathIn(ItemSource source)
    {
        if (_path is { } known)
            return known;
        string separator = source.Separator.ToString();
        if (_directory is null)
            return _path = separator + string.Join(separator, Names);
        string outer = _directory.PathIn(source);
        return _path = outer.Length == 1 ? outer + Entry.Name : string.Concat(outer, separator, Entry.Name);
    }

    private string DirectoryPathIn(ItemSource source) => _directory is not null ? _directory.PathIn(source)
        : Names.Count == 0 ? ""
        : source.Separator + string.Join(source.Separator.ToString(), Names.Take(Names.Count - 1));

    private static string[] NamesBelow(IReadOnlyList<string> directory, string name)
    {
        var names = new string[directory.Count + 1];
        for (int i = 0; i < directory.Count; i++)
            names[i] = directory[i];
        names[directory.Count] = name;
        return names;
    }

    /// <summary>The public object. A link and streams that cannot be read are told in <see cref="ImageItem.Problem"/>.</summary>
    public ImageItem Describe(ItemSource source)
    {
        string? problem = Entry.Refusal, target = null;
        IReadOnlyList<string> streams = Array.Empty<string>();
        try
        {
            if (Entry.Kind == FileTreeKind.SymbolicLink)
                target = source.Tree.ReadLink(Entry);
            // No file system of Unix has any.
            if (source.IsOfWindows && Entry.Kind is FileTreeKind.File or FileTreeKind.Directory)
                streams = (Entry.Streams ?? source.Tree.ListStreams(Entry)).Select(stream => stream.Name).ToArray();
        }
        catch (Exception e) when (e is FileSystemFormatException or BlockReadException { IsGone: false })
        {
            problem ??= e.Message;
        }
        string path = PathIn(source);
        return new ImageItem
        {
            Name = Entry.Name,
            FullName = path,
            DirectoryName = DirectoryPathIn(source),
            Type = Entry.Kind.ToString(),
            Length = Entry.Kind == FileTreeKind.File ? Entry.SizeBytes : null,
            LastWriteTime = Local(Entry.Modified),
            CreationTime = Local(Entry.Created),
            LastAccessTime = Local(Entry.Accessed),
            ChangeTime = Local(Entry.Changed),
            Mode = Mode(),
            UserId = Entry.UserId,
            GroupId = Entry.GroupId,
            OwnerSid = Entry.OwnerSid,
            LinkTarget = target,
            LinkCount = Entry.LinkCount,
            Streams = streams,
            Problem = problem,
            Notes = source.Notes,
            ImageId = source.Image.Id,
            Repository = source.Image.Repository,
        };
    }

    private static DateTime? Local(FileTreeTime? time) => time?.ToDateTime()?.ToLocalTime();

    private string Mode() => Entry.Permissions is { } permissions
        ? s_modes.GetOrAdd((Entry.Kind, permissions), mode => UnixMode(mode.Kind, mode.Bits))
        : s_modes.GetOrAdd((Entry.Kind, (int)((Entry.Attributes ?? FileAttributesOfWindows.None) & ShownAttributes) | NoUnixMode), mode => WindowsMode(mode.Kind, (FileAttributesOfWindows)mode.Bits));

    private static string UnixMode(FileTreeKind kind, int permissions)
    {
        char type = kind switch
        {
            FileTreeKind.Directory => 'd',
            FileTreeKind.SymbolicLink => 'l',
            FileTreeKind.BlockDevice => 'b',
            FileTreeKind.CharacterDevice => 'c',
            FileTreeKind.Fifo => 'p',
            FileTreeKind.Socket => 's',
            FileTreeKind.File => '-',
            _ => '?',
        };
        var text = new StringBuilder(10).Append(type);
        for (int shift = 6; shift >= 0; shift -= 3)
        {
            int bits = permissions >> shift;
            bool isSpecial = (permissions & (shift == 6 ? 0x800 : shift == 3 ? 0x400 : 0x200)) != 0, isExecutable = (bits & 1) != 0;
            char special = shift == 0 ? 't' : 's';
            text.Append((bits & 4) != 0 ? 'r' : '-').Append((bits & 2) != 0 ? 'w' : '-')
                .Append(isSpecial ? isExecutable ? special : char.ToUpperInvariant(special) : isExecutable ? 'x' : '-');
        }
        return text.ToString();
    }

    private static string WindowsMode(FileTreeKind kind, FileAttributesOfWindows attributes)
    {
        char Letter(FileAttributesOfWindows attribute, char letter) => (attributes & attribute) != 0 ? letter : '-';
        char type = kind == FileTreeKind.SymbolicLink || (attributes & FileAttributesOfWindows.ReparsePoint) != 0 ? 'l' : kind == FileTreeKind.Directory ? 'd' : '-';
        return new string([type, Letter(FileAttributesOfWindows.Archive, 'a'), Letter(FileAttributesOfWindows.ReadOnly, 'r'),
            Letter(FileAttributesOfWindows.Hidden, 'h'), Letter(FileAttributesOfWindows.System, 's')]);
    }
}
