using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Reading;

namespace ImageBackup.Engine.Pipeline;

/// <summary>
/// Reads an image's chunks out of a repository, planned by pack: of each pack what is wanted is read once and from front to
/// back, several blobs by one request, while the requests before it are opened, hashed and used on a thread a core. Chunks
/// that are not planned go to the same workers, in the order of the volume.
/// </summary>
/// <param name="repository">Where the packs lie.</param>
/// <param name="image">The image.</param>
/// <param name="workerCount">Worker threads.</param>
/// <param name="longestChunkBytes">The image's longest chunk.</param>
internal sealed class ImageReadPipeline(ImageRepository repository, ImageContent image, int workerCount, int longestChunkBytes)
{
    /// <summary>The most memory of the requests that are read or wait, and of the contents that are kept to be hashed at once: of each.</summary>
    private const long MemoryBytes = 96L << 20;

    /// <summary>A compressed chunk is hardly longer than the chunk; what claims more is read by itself.</summary>
    private const int LongestBlobBytes = ImageContent.ChunkLimitBytes + (1 << 20);

    private readonly PackReadPlan _plan = image.NewReadPlan();

    /// <summary>A worker's own state, disposed when it ends. Its calls are of one thread.</summary>
    public interface IWorker : IDisposable
    {
        /// <summary>Takes a chunk that was planned.</summary>
        /// <param name="chunk">The chunk.</param>
        /// <param name="content">At least as long as the chunk; the worker's until it returns.</param>
        /// <param name="isWhole">The chunk's content is in the array and proven. False: it could not be read from where it lies first.</param>
        void Use(ImageChunk chunk, byte[] content, bool isWhole);

        /// <summary>Takes a chunk that was not planned.</summary>
        /// <param name="chunk">The chunk.</param>
        /// <param name="buffer">At least as long as the image's longest chunk; the worker's until it returns.</param>
        void Process(ImageChunk chunk, byte[] buffer);
    }

    /// <summary>Whether a chunk can be planned: it lies somewhere, and is not longer there than any chunk is.</summary>
    public static bool CanPlan(in ImageChunk chunk) => chunk.Location is { LengthBytes: <= LongestBlobBytes };

    /// <summary>Plans a chunk.</summary>
    public void Add(in ImageChunk chunk) => _plan.Add(chunk.Id, BlobType.Data, chunk.OffsetBytes);

    /// <summary>Runs to the end.</summary>
    /// <param name="others">The chunks that were not planned, in the order of the volume.</param>
    /// <param name="createWorker">Makes a worker, on its thread.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="ImageBackupException">The storage is away.</exception>
    public void Run(IEnumerable<ImageChunk> others, Func<IWorker> createWorker, CancellationToken cancellation)
    {
        _plan.Complete();
        ReadShape shape = repository.Files.ReadShape;
        // One each at work, one each waiting; what is being read, and one to be filled next.
        int bufferCount = 2 * workerCount + 1 + shape.QueueDepth;
        shape = shape with { RequestBytes = (int)Math.Min(shape.RequestBytes, MemoryBytes / bufferCount) };
        int bufferBytes = Math.Max(shape.RequestBytes, Math.Max(_plan.LongestBlobBytes, longestChunkBytes));
        int keptBytes = (int)(MemoryBytes / (workerCount + 1));
        using IEnumerator<Item> items = Items(others, shape).GetEnumerator();
        var pipeline = new ChunkPipeline<Item>(workerCount, bufferBytes, bufferCount, shape.QueueDepth)
        {
            WorkersFill = !repository.Files.Traits.IsRemote,
        };
        pipeline.Run(() =>
        {
            cancellation.ThrowIfCancellationRequested();
            return items.MoveNext() ? items.Current : null;
        }, Fill, release => new Worker(repository, _plan, keptBytes, createWorker(), release), cancellation);
    }

    private IEnumerable<Item> Items(IEnumerable<ImageChunk> others, ReadShape shape)
    {
        using IEnumerator<ImageChunk> other = others.GetEnumerator();
        bool hasOther = other.MoveNext();
        foreach (PackRequest request in _plan.Requests(shape))
        {
            for (; hasOther && other.Current.OffsetBytes < _plan.ItemAt(request.First); hasOther = other.MoveNext())
                yield return new Item(null, other.Current);
            yield return new Item(new PackRead(request), default);
        }
        for (; hasOther; hasOther = other.MoveNext())
            yield return new Item(null, other.Current);
    }

    private void Fill(Item item, byte[] buffer)
    {
        if (item.Read is not { } read)
            return;
        try
        {
            PackReader.Fill(repository.Files, read.Request, buffer);
        }
        catch (ImageBackupException e) when (repository.Files.IsDamage(e))
        {
            // Its chunks may be readable one by one, or lie elsewhere too.
            read.IsDamaged = true;
        }
    }

    /// <summary>Either a read or a chunk.</summary>
    private readonly record struct Item(PackRead? Read, ImageChunk Chunk);

    private sealed class PackRead(PackRequest request)
    {
        public PackRequest Request => request;
        public bool IsDamaged;
    }

    private sealed class Worker : ChunkPipeline<Item>.IWorker
    {
        private readonly PackReadPlan _plan;
        private readonly PackReader _reader;
        private readonly IWorker _worker;
        private readonly Action<byte[]> _release;

        public Worker(ImageRepository repository, PackReadPlan plan, int keptBytes, IWorker worker, Action<byte[]> release)
        {
            _plan = plan;
            _worker = worker;
            _release = release;
            _reader = new PackReader(repository.Files, repository.Sealers, plan, keptBytes, (place, content, damage) => Use(place, content.Array!, damage is null));
        }

        public void Process(Item item, byte[] buffer)
        {
            if (item.Read is { IsDamaged: false } read)
            {
                _reader.Open(read.Request, buffer);
            }
            else
            {
                // What is kept is written first: disks like the order, and a failure leaves a beginning.
                Drain();
                if (item.Read is { } damaged)
                {
                    for (int place = damaged.Request.First, end = place + damaged.Request.Count; place < end; place = _plan.NextBlob(place))
                        Use(place, buffer, isWhole: false);
                }
                else
                {
                    _worker.Process(item.Chunk, buffer);
                }
            }
            _release(buffer);
        }

        private void Use(int place, byte[] content, bool isWhole)
        {
            (BlobId id, BlobLocation location) = _plan.BlobAt(place);
            int end = _plan.NextBlob(place);
            for (; place < end; place++)
                _worker.Use(new ImageChunk(_plan.ItemAt(place), (int)location.ContentLengthBytes, id, location, IsZero: false), content, isWhole);
        }

        public void Drain() => _reader.HashAll();

        public void Finish()
        {
        }

        public void Dispose()
        {
            _reader.Dispose();
            _worker.Dispose();
        }
    }
}
