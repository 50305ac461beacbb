using System;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Indexes;

/// <summary>What the index takes for a chunk while it is loaded, not only when it is: every job begins with it.</summary>
[Collection(HostileSumsTests.Memory)]
public sealed class IndexMemoryTests
{
    private const int PackCount = 4000;
    private const int ChunksOfAPack = 50;

    [Fact]
    public void Loading_takes_little_more_than_what_stays()
    {
        MemoryStorage storage = TestRepository.NewStorage();
        using ImageRepository repository = TestRepository.Open(storage);
        using var writer = new IndexWriter(repository.Files, repository.Sealers, 2);
        for (int pack = 0; pack < PackCount; pack++)
        {
            writer.Add(new IndexedPack(BlobId.Of(BitConverter.GetBytes(-1 - pack)), [.. Enumerable.Range(0, ChunksOfAPack)
                .Select(i => new PackEntry(BlobId.Of(BitConverter.GetBytes(pack * ChunksOfAPack + i)), BlobType.Data, (uint)i * 1000, 1000, 2000))]));
        }
        writer.Flush();
        // The arrays that are used again are there after the first time.
        repository.LoadIndex(CancellationToken.None);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        BlobIndex index = repository.LoadIndex(CancellationToken.None);
        double takenBytes = (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)index.Count;
        Assert.Equal(PackCount * ChunksOfAPack, index.Count);
        TestContext.Current.SendDiagnosticMessage("{0:F0} bytes a chunk allocated", takenBytes);
        // 59 stay; the sealed files, and each pack's list for a moment, are the rest. Fresh arrays for the text alone were 160 and more.
        Assert.InRange(takenBytes, index.MemoryBytes / (double)index.Count, 230);
    }
}
