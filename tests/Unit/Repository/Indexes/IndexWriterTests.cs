using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Indexes;

/// <summary>Index files that are written pack by pack: what is in them, when they come, and what of a pack is held meanwhile.</summary>
[Collection(HostileSumsTests.Memory)]
public sealed class IndexWriterTests : IDisposable
{
    private readonly MemoryStorage _storage = TestRepository.NewStorage();
    private readonly ImageRepository _repository;

    public IndexWriterTests() => _repository = TestRepository.Open(_storage);

    public void Dispose() => _repository.Dispose();

    private static IndexedPack Pack(int number, int blobCount) => new(BlobId.Of(BitConverter.GetBytes(-1 - number)), [.. Enumerable.Range(0, blobCount)
        .Select(i => new PackEntry(BlobId.Of(BitConverter.GetBytes(number << 16 | i)), i % 7 == 3 ? BlobType.Tree : BlobType.Data, (uint)i * 1000, 1000, i % 2 == 0 ? 2000u : 0))]);

    /// <summary>What each index file lists, in no order.</summary>
    private List<List<IndexedPack>> Files() => [.. _storage.Names(StoredKind.Index).Select(name =>
    {
        var packs = new List<IndexedPack>();
        IndexFile.Read(_repository.Files.LoadSealed(StoredKind.Index, name, _repository.Sealers), packs.Add);
        return packs;
    })];

    private static void AssertSame(IEnumerable<IndexedPack> expected, IEnumerable<IndexedPack> found) =>
        Assert.Equal(expected.Select(p => (p.PackId, string.Join(" ", p.Blobs))), found.Select(p => (p.PackId, string.Join(" ", p.Blobs))));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Packs_are_listed_as_they_were_added(int formatVersion)
    {
        IndexedPack[] packs = [Pack(0, 1), Pack(1, 700), Pack(2, 0), Pack(3, 256)];
        using var writer = new IndexWriter(_repository.Files, _repository.Sealers, formatVersion);
        writer.Flush();
        Assert.Empty(Files());
        foreach (IndexedPack pack in packs)
            writer.Add(pack);
        Assert.Empty(Files());
        writer.Flush();
        writer.Flush();
        AssertSame(packs, Assert.Single(Files()));
        // The next file has nothing of the one before.
        writer.Add(Pack(4, 3));
        writer.Flush();
        Assert.Equal([1, 4], Files().Select(file => file.Count).Order());
        Assert.Equal(4 + 256 + 700, _repository.LoadIndex(CancellationToken.None).Count);
    }

    [Fact]
    public void A_file_ends_with_the_pack_that_fills_it()
    {
        const int blobCount = 6000;
        using var writer = new IndexWriter(_repository.Files, _repository.Sealers, 2);
        int packs = 0;
        for (; packs * blobCount < RepositoryFormat.IndexBlobCount; packs++)
        {
            Assert.Empty(Files());
            writer.Add(Pack(packs, blobCount));
        }
        Assert.Equal(packs, Assert.Single(Files()).Count);
        writer.Flush();
        Assert.Single(Files());
    }

    [Fact]
    public void What_could_not_be_written_is_written_by_the_next_call_and_once()
    {
        bool isForbidden = true;
        var saved = new List<string>();
        using var writer = new IndexWriter(_repository.Files, _repository.Sealers, 2)
        {
            BeforeSaving = () =>
            {
                if (isForbidden)
                    throw new OperationCanceledException();
            },
            OnSaved = saved.Add,
        };
        writer.Add(Pack(0, 40));
        Assert.Throws<OperationCanceledException>(writer.Flush);
        Assert.Throws<OperationCanceledException>(writer.Flush);
        Assert.Empty(Files());
        isForbidden = false;
        writer.Add(Pack(1, 2));
        AssertSame([Pack(0, 40)], Assert.Single(Files()));
        writer.Flush();
        Assert.Equal(_storage.Names(StoredKind.Index).Order(), saved.Order());
        AssertSame([Pack(0, 40), Pack(1, 2)], Files().OrderBy(file => file[0].Blobs.Count == 2).SelectMany(file => file));
    }

    [Fact]
    public void Nothing_of_a_blob_is_held_but_what_the_file_will_have()
    {
        IndexedPack[] packs = [.. Enumerable.Range(0, 8).Select(i => Pack(i, 5000))];
        using var writer = new IndexWriter(_repository.Files, _repository.Sealers, 2);
        double BytesOfABlob()
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            foreach (IndexedPack pack in packs)
                writer.Add(pack);
            writer.Flush();
            return (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)packs.Sum(pack => pack.Blobs.Count);
        }
        // The arrays that are used again are there after the first time.
        BytesOfABlob();
        double bytes = BytesOfABlob();
        TestContext.Current.SendDiagnosticMessage("{0:F0} bytes a blob allocated", bytes);
        // What the storage in memory keeps of the file. With the text in memory, and a list of all blobs, it was above a thousand.
        Assert.InRange(bytes, 30, 140);
    }
}
