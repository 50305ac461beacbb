using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Trees;

namespace ImageBackup.Engine.Copying;

/// <summary>Which of an image's blobs another repository lacks, and the reads that get them. For one thread until it is complete.</summary>
internal sealed class CopyPlan
{
    private CopyPlan(BlobIndex index) => Reads = new PackReadPlan(index);

    public PackReadPlan Reads { get; }

    /// <summary>Chunks and trees of the image, each counted once.</summary>
    public long BlobCount { get; private set; }

    /// <summary>How many of them have to be copied, and their bytes in the packs that they are in now.</summary>
    public long LackingCount { get; private set; }
    public long LackingBytes { get; private set; }

    /// <summary>Walks an image's trees.</summary>
    /// <param name="source">The image's repository.</param>
    /// <param name="index">Its index.</param>
    /// <param name="image">The image.</param>
    /// <param name="tree">Its root.</param>
    /// <param name="isThere">Whether the other repository has a blob.</param>
    /// <param name="cancellation">Between two trees.</param>
    /// <exception cref="ImageBackupException">ChunkMissing: something of the image is in no pack. ChunkCorrupt, PackCorrupt: a tree cannot be read. A storage failure.</exception>
    public static CopyPlan Of(ImageRepository source, BlobIndex index, ImageBackupInfo image, BlobId tree, Func<int, BlobId, BlobType, bool> isThere, CancellationToken cancellation)
    {
        var plan = new CopyPlan(index);
        var seen = new BitArray(index.Count);
        var waiting = new Stack<BlobId>();
        using var trees = new TreeReading(source);
        using BlobReader reader = trees.Open();
        Note(tree, BlobType.Tree);
        while (waiting.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            BlobId next = waiting.Pop();
            References(source, index, trees, reader, next, Note);
        }
        plan.Reads.Complete();
        return plan;

        void Note(BlobId id, BlobType type)
        {
            int number = index.FirstNumber(id, type);
            if (number < 0)
                throw new MissingBlobException(id, $"The image {image.ShortId} of '{image.Volume}' cannot be copied: '{source.Location}' lacks a part of it.", image.Id);
            if (seen[number])
                return;
            seen[number] = true;
            plan.BlobCount++;
            // What lies below a tree may be missing although the tree is there: a copy that was killed leaves such.
            if (type == BlobType.Tree)
                waiting.Push(id);
            if (isThere(number, id, type))
                return;
            int read = index.NumberToRead(id, type);
            plan.Reads.Add(read, number);
            plan.LackingCount++;
            plan.LackingBytes += index.EntryAt(read).Location.LengthBytes;
        }
    }

    // From the first copy that is whole.
    private static void References(ImageRepository source, BlobIndex index, TreeReading trees, BlobReader reader, BlobId tree, Action<BlobId, BlobType> note)
    {
        try
        {
            if (reader.TryPlaces(index.FindAll(tree, BlobType.Tree), place => trees.Read(reader, tree, place, json => TreeFile.References(json, note))) is { } failure)
                throw failure;
        }
        catch (FormatException e)
        {
            throw new ImageBackupException(ErrorId.ChunkCorrupt, $"A tree of the repository '{source.Location}' cannot be used: {e.Message.TrimEnd('.')}.", source.Location, e);
        }
    }
}
