using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Reading;

namespace ImageBackup.Engine.Repository.Trees;

/// <summary>Something wrong below a snapshot record's tree.</summary>
internal sealed record TreeProblem(ErrorId ErrorId, string Message)
{
    /// <summary>The blobs that no index lists; none if something else is wrong.</summary>
    public IReadOnlyList<BlobId> Missed { get; init; } = [];
}

/// <summary>What a walk asks of each chunk, and what ends it.</summary>
internal sealed record TreeWalkRules(Func<BlobId, bool> IsThere, CancellationToken Cancellation);

/// <summary>Reads trees from a repository, bounded against cycles (impossible by hash, but bytes are hostile) and depth.</summary>
internal static class TreeWalk
{
    private const int DepthLimit = 256;
    private const int TreeCountLimit = 1_000_000;

    /// <exception cref="ImageBackupException">ChunkMissing, ChunkCorrupt, ImageInvalid, a storage failure.</exception>
    public static List<TreeNode> Load(ImageRepository repository, BlobIndex index, BlobId tree)
    {
        if (!index.TryFind(tree, BlobType.Tree, out BlobLocation location))
            throw new MissingBlobException(tree, $"The tree {tree.ToString().Substring(0, 12)} is not in the repository.", repository.Location);
        using var reader = new BlobReader(repository.Files, repository.Sealers, usesCache: true);
        List<BlobLocation> places = [location, .. index.FindAll(tree, BlobType.Tree).Where(other => other != location)];
        List<TreeNode> nodes = [];
        try
        {
            ImageBackupException? failure = reader.TryPlaces(places, place =>
            {
                // What a damaged place gave is void.
                nodes = [];
                reader.ReadInParts(tree, place, new TreeParser(nodes, onContent: null, onSubtree: null).Parse);
            });
            return failure is null ? nodes : throw failure;
        }
        catch (FormatException e)
        {
            throw new ImageBackupException(ErrorId.ImageInvalid, e.Message, repository.Location, e);
        }
    }

    /// <summary>The regular file of this name among a tree's nodes; null if there is none.</summary>
    public static TreeNode? File(this IEnumerable<TreeNode> nodes, string name) => nodes.FirstOrDefault(n => n.Type == "file" && n.Name == name);

    /// <summary>Every regular file below a tree, with its path; stops after <paramref name="limit"/> of them.</summary>
    public static List<(string Path, TreeNode Node)> Files(ImageRepository repository, BlobIndex index, BlobId root, int limit, CancellationToken cancellation)
    {
        var found = new List<(string, TreeNode)>();
        var pending = new Stack<(BlobId Tree, string Path, int Depth)>();
        pending.Push((root, "", 0));
        int visited = 0;
        while (pending.Count > 0 && found.Count < limit)
        {
            cancellation.ThrowIfCancellationRequested();
            (BlobId tree, string path, int depth) = pending.Pop();
            if (depth > DepthLimit || ++visited > TreeCountLimit)
                throw new ImageBackupException(ErrorId.ImageInvalid, "The snapshot record's tree is too deep or too large to be an image's.", repository.Location);
            foreach (TreeNode node in Load(repository, index, tree))
            {
                string name = path + "/" + node.Name;
                if (node.Type == "file")
                    found.Add((name, node));
                else if (node.Subtree is { } subtree)
                    pending.Push((subtree, name, depth + 1));
            }
        }
        return found;
    }

    /// <summary>
    /// Whether a tree and all it names is there, found out without a list of it. False says only that something is not right: then
    /// <see cref="Check"/> or <see cref="Files"/> finds out what. Trees in <paramref name="whole"/> are taken as whole with all below
    /// them; the ones found so are added, after all below them. Several threads may walk at once, nobody may add to the index.
    /// </summary>
    public static bool IsWhole(TreeReading trees, BlobReader reader, BlobIndex index, BlobId root, ConcurrentDictionary<BlobId, bool> whole, TreeWalkRules rules)
    {
        var pending = new Stack<(BlobId Tree, int Depth, bool IsWalked)>();
        pending.Push((root, 0, false));
        bool isWhole = true;
        while (pending.Count > 0)
        {
            rules.Cancellation.ThrowIfCancellationRequested();
            (BlobId tree, int depth, bool isWalked) = pending.Pop();
            if (isWalked)
                whole.TryAdd(tree, true);
            if (whole.ContainsKey(tree))
                continue;
            if (!index.TryFind(tree, BlobType.Tree, out BlobLocation location))
                return false;
            pending.Push((tree, depth, true));
            try
            {
                trees.Parse(reader, tree, location, new TreeParser(nodes: [], id => isWhole = isWhole && rules.IsThere(id), subtree =>
                {
                    isWhole &= depth < DepthLimit;
                    pending.Push((subtree, depth + 1, false));
                }));
            }
            catch (Exception e) when (e is FormatException or ImageBackupException)
            {
                return false;
            }
            if (!isWhole)
                return false;
        }
        return true;
    }

    /// <summary>
    /// Says what of a tree and all it names is not there. Trees in <paramref name="whole"/> are passed over: <see cref="IsWhole"/>
    /// found them so.
    /// </summary>
    public static IEnumerable<TreeProblem> Check(ImageRepository repository, BlobIndex index, BlobId root, ConcurrentDictionary<BlobId, bool> whole, CancellationToken cancellation)
    {
        var seen = new HashSet<BlobId>();
        var pending = new Stack<(BlobId Tree, string Path, int Depth)>();
        pending.Push((root, "", 0));
        while (pending.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            (BlobId tree, string path, int depth) = pending.Pop();
            if (whole.ContainsKey(tree) || !seen.Add(tree))
                continue;
            List<TreeNode>? nodes = null;
            TreeProblem? problem = null;
            try
            {
                nodes = Load(repository, index, tree);
            }
            catch (ImageBackupException e)
            {
                problem = new TreeProblem(e.Id, e.Message) { Missed = e.Id == ErrorId.ChunkMissing ? [tree] : [] };
            }
            if (nodes is null)
            {
                yield return problem!;
                continue;
            }
            foreach (TreeNode node in nodes)
            {
                string name = path + "/" + node.Name;
                if (node.Subtree is { } subtree)
                {
                    if (depth < DepthLimit)
                        pending.Push((subtree, name, depth + 1));
                    else
                        yield return new TreeProblem(ErrorId.ImageInvalid, $"The tree is more than {DepthLimit} directories deep.");
                }
                List<ByteRange> missing = LostRanges(index, node, id => !index.TryFind(id, BlobType.Data, out _));
                if (missing.Count == 0)
                    continue;
                yield return new TreeProblem(ErrorId.ChunkMissing,
                    $"{missing.Count} range(s) of {name.TrimStart('/')} are missing: " + string.Join(", ", missing.Take(5).Select(r => $"{r.LengthBytes} bytes at {r.OffsetBytes}")) + (missing.Count > 5 ? ", ..." : "."))
                {
                    Missed = [.. node.Content.Where(id => !index.TryFind(id, BlobType.Data, out _))],
                };
            }
        }
    }

    /// <summary>Where in a file the chunks lie of which <paramref name="isLost"/> says so; sorted and joined.</summary>
    public static List<ByteRange> LostRanges(BlobIndex index, TreeNode node, Func<BlobId, bool> isLost)
    {
        var lost = new List<ByteRange>();
        if (!node.Content.Any(isLost))
            return lost;
        // A missing chunk's length is not known; in an image all but the last are of one length.
        long chunkBytes = node.Content.Max(id => index.TryFind(id, BlobType.Data, out BlobLocation known) ? known.ContentLengthBytes : 0);
        if (chunkBytes == 0)
            chunkBytes = (node.SizeBytes + node.Content.Count - 1) / node.Content.Count;
        long offset = 0;
        foreach (BlobId id in node.Content)
        {
            long lengthBytes = index.TryFind(id, BlobType.Data, out BlobLocation location)
                ? location.ContentLengthBytes
                : Math.Max(0, Math.Min(chunkBytes, node.SizeBytes - offset));
            if (isLost(id))
                lost.AddJoined(new ByteRange(offset, lengthBytes));
            offset += lengthBytes;
        }
        return lost;
    }
}
