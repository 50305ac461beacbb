using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Indexes;

public sealed class IndexLoaderTests
{
    private readonly MemoryStorage _storage = new();
    private readonly SealerPool _sealers = new(MasterKey.Generate());

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Several_files_make_one_index(int formatVersion)
    {
        for (int file = 0; file < 5; file++)
            Save(Index([(Id(100 + file), Id(file)), (Id(200), Id(50))]), formatVersion);
        (BlobIndex index, int count) = Load(_storage);
        Assert.Equal(5, count);
        Assert.Equal(6, index.Count);
        Assert.All(Enumerable.Range(0, 5), i => Assert.True(index.Contains(Id(i), BlobType.Data)));
    }

    [Fact]
    public void What_only_superseded_files_list_is_dead()
    {
        string old = Save(Index([(Id(100), Id(1)), (Id(101), Id(2))]));
        Save(Index([(Id(101), Id(2)), (Id(102), Id(3))], old));
        (BlobIndex index, _) = Load(_storage);
        Assert.False(index.Contains(Id(1), BlobType.Data));
        Assert.True(index.Contains(Id(2), BlobType.Data));
        Assert.True(index.Contains(Id(3), BlobType.Data));
        Assert.Equal(2, index.Packs().Count);
    }

    [Fact]
    public void An_index_that_is_superseded_while_it_is_read_is_read_anew()
    {
        string old = Save(Index([(Id(100), Id(1))]));
        using var faulty = new FaultyStorage(_storage);
        faulty.Script = call =>
        {
            if (call is { Operation: StorageOperation.Load, Number: 0 })
            {
                Save(Index([(Id(101), Id(1)), (Id(102), Id(2))], old));
                _storage.Delete(StoredKind.Index, old);
            }
            return null;
        };
        (BlobIndex index, int count) = Load(faulty);
        Assert.Equal(1, count);
        Assert.True(index.TryFind(Id(1), BlobType.Data, out BlobLocation found));
        Assert.Equal(Id(101), found.PackId);
        Assert.True(index.Contains(Id(2), BlobType.Data));
    }

    [Fact]
    public void An_index_that_is_listed_but_never_there_is_an_error_of_ours()
    {
        Save(Index([(Id(100), Id(1))]));
        using var faulty = new FaultyStorage(_storage);
        faulty.Script = call => call.Operation == StorageOperation.Load ? new StorageFault(StorageProblem.NotFound, FaultMoment.Before) : null;
        Assert.Equal(ErrorId.IndexCorrupt, Assert.Throws<ImageBackupException>(() => Load(faulty)).Id);
    }

    [Fact]
    public void A_damaged_file_stops_the_loading_or_is_told()
    {
        Save(Index([(Id(100), Id(1))]));
        string damaged = Save(Index([(Id(101), Id(2))]));
        byte[] content = _storage.Content(StoredKind.Index, damaged);
        content[^1] ^= 1;
        _storage.Replace(StoredKind.Index, damaged, content);
        Assert.Equal(ErrorId.IndexCorrupt, Assert.Throws<ImageBackupException>(() => Load(_storage)).Id);
        var told = new List<string>();
        (BlobIndex index, _) = IndexLoader.Load(new RepositoryFiles(_storage), _sealers, (name, e) => told.Add(name + " " + e.Id), CancellationToken.None);
        Assert.Equal([damaged + " IndexCorrupt"], told);
        Assert.True(index.Contains(Id(1), BlobType.Data));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}garbage")]
    [InlineData("\u0001{}")]
    [InlineData("\u0002not zstd")]
    public void A_good_seal_over_nonsense_is_told(string plain)
    {
        byte[] content = _sealers.Seal(Encoding.Latin1.GetBytes(plain));
        _storage.Save(StoredKind.Index, BlobId.Of(content).ToString(), content);
        Assert.Equal(ErrorId.IndexCorrupt, Assert.Throws<ImageBackupException>(() => Load(_storage)).Id);
    }

    [Fact]
    public void Cancelling_stops_the_loading()
    {
        Save(Index([(Id(100), Id(1))]));
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => IndexLoader.Load(new RepositoryFiles(_storage), _sealers, null, source.Token));
    }

    private (BlobIndex Index, int FileCount) Load(IStorage storage)
    {
        (BlobIndex index, IReadOnlyList<string> names) = IndexLoader.Load(new RepositoryFiles(storage), _sealers, null, CancellationToken.None);
        return (index, names.Count);
    }

    private string Save(byte[] json, int formatVersion = 2) => new RepositoryFiles(_storage).SaveSealed(StoredKind.Index, json, formatVersion, _sealers);

    private static byte[] Index((BlobId Pack, BlobId Blob)[] entries, params string[] supersedes) => IndexFile.Write(
        entries.Select(e => new IndexedPack(e.Pack, [new PackEntry(e.Blob, BlobType.Data, 0, 40, 0)])).ToList(), supersedes);

    private static BlobId Id(int number) => BlobId.Of(BitConverter.GetBytes(number));
}
