using System;
using System.Threading;
using ImageBackup.Engine.Items;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.FileSystems;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Items;

/// <summary>The index that the images of a pipeline share.</summary>
public sealed class ItemRepositoryTests : IDisposable
{
    private readonly JobRig _rig;
    private CountingStorage? _storage;

    public ItemRepositoryTests() => _rig = new JobRig(TestRepository.NewStorage(), memory => _storage = new CountingStorage(memory));

    public void Dispose() => _rig.Dispose();

    private int IndexReads => _storage!.LoadCount(StoredKind.Index);

    [Fact]
    public void The_index_is_read_again_only_for_images_that_may_be_newer()
    {
        _rig.Volumes.Add("/mem/a", SeedImage.Load("files-ext4"));
        string first = _rig.Backup("/mem/a").Id;
        using var opened = ItemRepository.Open(_rig.Repository, [first], CancellationToken.None);
        _storage!.Reset();
        opened.Include(first, CancellationToken.None);
        Assert.Equal(0, IndexReads);

        byte[] changed = SeedImage.Load("files-ext4");
        changed[^1] ^= 1;
        _rig.Volumes.Add("/mem/b", changed);
        string[] later = [_rig.Backup("/mem/b").Id, _rig.Backup("/mem/b").Id];
        _storage.Reset();
        opened.Include(later[0], CancellationToken.None);
        int reads = IndexReads;
        Assert.True(reads > 0, "the index is the old one");
        opened.Include(later[1], CancellationToken.None);
        opened.Include(first, CancellationToken.None);
        Assert.Equal(reads, IndexReads);
        foreach (string id in later)
        {
            using var source = ItemSource.Open(opened, id, 16 << 20, CancellationToken.None);
            Assert.NotEmpty(source.Tree.List(source.Tree.Root, CancellationToken.None));
        }
    }
}
