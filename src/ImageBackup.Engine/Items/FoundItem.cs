using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.Items;

/// <summary>An entry of an image's tree, with the names that lead to it from the root; the root has none.</summary>
internal sealed record FoundItem(FileTreeEntry Entry, IReadOnlyList<string> Names)
{
    public string PathIn(ItemSource source) => source.Separator + string.Join(source.Separator.ToString(), Names);

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
            DirectoryName = Names.Count == 0 ? "" : new FoundItem(Entry, Names.Take(Names.Count - 1).ToArray()).PathIn(source),
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
            ImageId = source.Image.Id,
            Repository = source.Image.Repository,
        };
    }

    private static DateTime? Local(FileTreeTime? time) => time?.ToDateTime()?.ToLocalTime();

    private string Mode() => Entry.Permissions is { } permissions ? UnixMode(permissions) : WindowsMode(Entry.Attributes ?? FileAttributesOfWindows.None);

    private string UnixMode(int permissions)
    {
        char type = Entry.Kind switch
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

    private string WindowsMode(FileAttributesOfWindows attributes)
    {
        char Letter(FileAttributesOfWindows attribute, char letter) => (attributes & attribute) != 0 ? letter : '-';
        char type = Entry.Kind == FileTreeKind.SymbolicLink || (attributes & FileAttributesOfWindows.ReparsePoint) != 0 ? 'l' : Entry.Kind == FileTreeKind.Directory ? 'd' : '-';
        return new string([type, Letter(FileAttributesOfWindows.Archive, 'a'), Letter(FileAttributesOfWindows.ReadOnly, 'r'),
            Letter(FileAttributesOfWindows.Hidden, 'h'), Letter(FileAttributesOfWindows.System, 's')]);
    }
}
