using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Writing;

namespace ImageBackup.Engine.Copying;

/// <summary>
/// Reads what a plan wants out of one repository, pack by pack, proves it against its hash, and stores it in another, compressed and encrypted
/// anew. Requests are read ahead while those before them are opened and stored on a thread a core.
/// </summary>
/// <param name="source">Where the blobs lie.</param>
/// <param name="index">Its index: other places of a blob.</param>
/// <param name="writer">Of the other repository.</param>
internal sealed class BlobTransfer(ImageRepository source, BlobIndex index, RepositoryWriter writer)
{
    /// <summary>The most memory of the requests, and of the contents that are kept to be hashed at once: of each.</summary>
    private const long MemoryBytes = 64L << 20;

    /// <summary>Runs to the end; what was stored is not durable before the writer has finished.</summary>
    /// <param name="plan">What is wanted.</param>
    /// <param name="onCopied">Told of the bytes in the source's packs of each blob. Any thread.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="ImageBackupException">ChunkCorrupt, PackCorrupt: no copy of a blob can be read. A failure of either storage.</exception>
    public void Run(PackReadPlan plan, Action<long> onCopied, CancellationToken cancellation)
    {
        if (plan.Count == 0)
            return;
        ReadShape shape = source.Files.ReadShape;
        int workerCount = Environment.ProcessorCount, bufferCount = 2 * workerCount + 1 + shape.QueueDepth;
        shape = shape with { RequestBytes = (int)Math.Min(shape.RequestBytes, MemoryBytes / bufferCount) };
        int bufferBytes = Math.Max(shape.RequestBytes, plan.LongestBlobBytes);
        int keptBytes = (int)(MemoryBytes / (workerCount + 1));
        using IEnumerator<PackRequest> requests = plan.Requests(shape).GetEnumerator();
        new ChunkPipeline<Item>(workerCount, bufferBytes, bufferCount, shape.QueueDepth).Run(() =>
        {
            cancellation.ThrowIfCancellationRequested();
            return requests.MoveNext() ? new Item(new PackRead(requests.Current)) : null;
        }, Fill, release => new Worker(this, plan, keptBytes, onCopied, release), cancellation);
    }

    private void Fill(Item item, byte[] buffer)
    {
        try
        {
            PackReader.Fill(source.Files, item.Read.Request, buffer);
        }
        catch (ImageBackupException e) when (source.Files.IsDamage(e))
        {
            // Its blobs may be readable one by one, or lie elsewhere too.
            item.Read.Damage = e;
        }
    }

    private readonly record struct Item(PackRead Read);

    private sealed class PackRead(PackRequest request)
    {
        public PackRequest Request => request;
        public ImageBackupException? Damage { get; set; }
    }

    private sealed class Worker : ChunkPipeline<Item>.IWorker
    {
        private readonly BlobTransfer _transfer;
        private readonly PackReadPlan _plan;
        private readonly Action<long> _onCopied;
        private readonly Action<byte[]> _release;
        private readonly BlobReader _others;
        private readonly PackReader _reader;
        private readonly BlobWriter _writer;

        public Worker(BlobTransfer transfer, PackReadPlan plan, int keptBytes, Action<long> onCopied, Action<byte[]> release)
        {
            _transfer = transfer;
            _plan = plan;
            _onCopied = onCopied;
            _release = release;
            _others = new BlobReader(transfer.Source.Files, transfer.Source.Sealers);
            _reader = new PackReader(transfer.Source.Files, transfer.Source.Sealers, plan, keptBytes, Use);
            _writer = transfer.Writer.OpenLane();
        }

        public void Process(Item item, byte[] buffer)
        {
            PackRequest request = item.Read.Request;
            if (item.Read.Damage is not { } damage)
            {
                _reader.Open(request, buffer);
            }
            else
            {
                for (int place = request.First, end = place + request.Count; place < end; place = _plan.NextBlob(place))
                    Use(place, default, damage);
            }
            _release(buffer);
        }

        private void Use(int place, ArraySegment<byte> content, ImageBackupException? damage)
        {
            (BlobId id, BlobLocation location) = _plan.BlobAt(place);
            if (damage is null)
                _writer.Save(location.Type, id, content.AsSpan(0, (int)location.ContentLengthBytes));
            else
                _writer.Save(location.Type, id, ReadElsewhere(id, location.Type, damage));
            _onCopied(location.LengthBytes);
        }

        private byte[] ReadElsewhere(BlobId id, BlobType type, ImageBackupException damage)
        {
            byte[] content = [];
            // Where it was read among others it is read once more by itself: of a pack that was cut the first blobs are there.
            return _others.TryPlaces(_transfer.Index.FindAll(id, type), place => content = _others.Read(id, place)) is null ? content : throw damage;
        }

        public void Drain() => _reader.HashAll();

        public void Finish() => _writer.Flush();

        public void Dispose()
        {
            _reader.Dispose();
            _others.Dispose();
            _writer.Dispose();
        }
    }

    private ImageRepository Source => source;
    private BlobIndex Index => index;
    private RepositoryWriter Writer => writer;
}
