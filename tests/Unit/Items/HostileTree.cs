using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.Items;

namespace ImageBackup.Tests.Unit.Items;

/// <summary>A tree of whatever names and kinds a test wants, also such as no driver would write.</summary>
internal sealed class HostileTree(params HostileTree.Node[] roots) : IFileTree
{
    private static ulong s_lastId = 100;

    /// <summary>One entry. Equal ids are one file.</summary>
    internal sealed record Node(string Name, FileTreeKind Kind)
    {
        public ulong Id { get; init; } = Interlocked.Increment(ref s_lastId);
        public string Content { get; init; } = "";
        public Node[] Children { get; init; } = [];
        public string[] Streams { get; init; } = [];
        public long LinkCount { get; init; } = 1;
        public int Permissions { get; init; } = 0x1FF;

        /// <summary>Called when the content is opened: somebody who changes the target meanwhile.</summary>
        public Action? OnOpen { get; init; }
    }

    public static Node File(string name, string content = "of the image") => new(name, FileTreeKind.File) { Content = content };

    public static Node Link(string name, string target) => new(name, FileTreeKind.SymbolicLink) { Content = target };

    public static Node Directory(string name, params Node[] children) => new(name, FileTreeKind.Directory) { Children = children };

    public FileTreeEntry Root => Describe(new Node("", FileTreeKind.Directory) { Children = roots, Id = 1 });
    public IReadOnlyList<string> Notes => [];
    public bool IgnoresCase { get; init; }

    public ItemSource Open() => new(new ImageBackupInfo { Id = new string('a', 64), Volume = "hostile", ComputerName = "c", BackupTime = DateTime.Now, SizeBytes = 1 }, this, new InlineFileData(default));

    public FoundItem Item => new(Root, []);

    public IEnumerable<FileTreeEntry> List(FileTreeEntry directory, CancellationToken cancellation) => NodeOf(directory).Children.Select(Describe);

    public FileTreeEntry? Find(FileTreeEntry directory, string name, CancellationToken cancellation) => List(directory, cancellation).FirstOrDefault(entry => entry.Name == name);

    public ISparseBlockReader OpenData(FileTreeEntry file, string? stream = null)
    {
        NodeOf(file).OnOpen?.Invoke();
        return new InlineFileData(Encoding.UTF8.GetBytes(stream ?? NodeOf(file).Content));
    }

    public string ReadLink(FileTreeEntry link) => NodeOf(link).Content;

    public IReadOnlyList<FileTreeStream> ListStreams(FileTreeEntry entry) => [.. NodeOf(entry).Streams.Select(name => new FileTreeStream(name, name.Length))];

    public IReadOnlyList<FileTreeAttribute> ListExtendedAttributes(FileTreeEntry entry) => [];

    private static Node NodeOf(FileTreeEntry entry) => entry.Handle as Node ?? throw new FileSystemFormatException("not of this tree");

    private FileTreeEntry Describe(Node node) => new()
    {
        Name = node.Name,
        Kind = node.Kind,
        FileId = node.Id,
        SizeBytes = node.Content.Length,
        LinkCount = node.LinkCount,
        Permissions = IgnoresCase ? null : node.Permissions,
        Modified = new FileTreeTime(1_000_000_000, 0),
        Handle = node,
    };
}
