using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Tests.Interop.FileSystems.Trees;

/// <summary>Asks a damaged volume's tree for everything. What is not <see cref="IFileTree"/>'s contract is thrown.</summary>
internal static class TreeFuzz
{
    private const int MaxDepth = 12, MaxEntries = 20_000;
    private static readonly TimeSpan s_maxTime = TimeSpan.FromSeconds(20);

    public static void Walk(IFileTreeReader reader, IBlockReader volume)
    {
        long start = Stopwatch.GetTimestamp();
        int entries = 0;
        bool IsOver() => entries > MaxEntries || Stopwatch.GetElapsedTime(start) > s_maxTime;
        Try(() =>
        {
            IFileTree tree = reader.OpenTree(volume, CancellationToken.None);
            void Visit(FileTreeEntry entry, int depth)
            {
                entries++;
                Try(() => tree.ListExtendedAttributes(entry));
                Try(() => tree.ListStreams(entry));
                if (entry.Kind == FileTreeKind.SymbolicLink)
                    Try(() => tree.ReadLink(entry));
                if (entry.Kind == FileTreeKind.File)
                    Try(() => Read(tree, entry));
                if (entry.Kind == FileTreeKind.Directory && depth < MaxDepth)
                {
                    Try(() => tree.Find(entry, "none", CancellationToken.None));
                    Try(() =>
                    {
                        foreach (FileTreeEntry child in tree.List(entry, CancellationToken.None))
                        {
                            if (IsOver())
                                return;
                            Visit(child, depth + 1);
                        }
                    });
                }
            }
            Visit(tree.Root, 0);
        });
        if (Stopwatch.GetElapsedTime(start) > s_maxTime)
            throw new InvalidDataException($"{entries} entries took more than {s_maxTime}.");
    }

    private static void Read(IFileTree tree, FileTreeEntry entry)
    {
        using ISparseBlockReader content = tree.OpenData(entry);
        var buffer = new byte[70_000];
        long end = 0;
        for (int i = 0; i < 20 && content.NextData(end) is { } range; i++)
        {
            if (range.OffsetBytes < end || range.LengthBytes <= 0 || range.EndBytes > content.LengthBytes)
                throw new InvalidDataException($"NextData({end}) gives {range} of {content.LengthBytes} bytes.");
            content.ReadAt(range.OffsetBytes, buffer);
            end = range.EndBytes;
        }
        content.ReadAt(Math.Max(0, content.LengthBytes - 1000), buffer);
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is FileSystemFormatException or BlockReadException)
        {
            // The contract.
        }
    }
}
