using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Images;

/// <summary>In a session each snapshot record is read once: for the policy and for the list, and not again for the next list.</summary>
public sealed class SharedRecordTests : System.IDisposable
{
    private readonly JobRig _rig = new();
    private readonly CountingStorage _storage;
    private readonly ImageRepository _repository;
    private readonly SnapshotHeaderCache _headers;
    private readonly ImageRecordCache _cache;

    public SharedRecordTests()
    {
        for (int i = 0; i < 3; i++)
            Backup(i);
        _storage = new CountingStorage(_rig.Memory);
        _repository = TestRepository.Open(_storage);
        _headers = new SnapshotHeaderCache(_repository);
        _cache = new ImageRecordCache(_headers);
        _storage.Reset();
    }

    public void Dispose()
    {
        _repository.Dispose();
        _rig.Dispose();
    }

    private string Backup(int seed)
    {
        _rig.Volumes.Add("/mem/a", SeededBytes.Make(seed, JobRig.ChunkBytes));
        return _rig.Backup("/mem/a").Id;
    }

    private string[] List() => [.. new ImageCatalog(_repository, _cache).List(new ImageFilter { IncludeInactive = true }, onWarning: null, CancellationToken.None).Select(image => image.Id)];

    [Fact]
    public void The_policy_and_two_lists_read_each_record_once()
    {
        Assert.Equal(0, new EnforcedPolicyStore(_repository, _headers).Load(onWarning: null, CancellationToken.None).Revision);
        Assert.Equal(3, _storage.LoadCount(StoredKind.Snapshot));
        string[] first = List();
        Assert.Equal(3, first.Length);
        Assert.Equal(first, List());
        Assert.Equal(3, _storage.LoadCount(StoredKind.Snapshot));
    }

    [Fact]
    public void What_came_is_read_and_what_went_is_not_listed()
    {
        string[] before = List();
        string added = Backup(9);
        _rig.Memory.Delete(StoredKind.Snapshot, before[1]);
        _storage.Reset();
        Assert.Equal([before[0], before[2], added], List());
        Assert.Equal(1, _storage.LoadCount(StoredKind.Snapshot));
        // What is forgotten is not known when it comes back.
        Assert.False(_cache.TryGet(before[1], out _));
        Assert.True(_cache.TryGet(added, out ImageRecord? record));
        Assert.Equal(added, record!.Image!.Id);
    }

    [Fact]
    public void A_list_gives_objects_of_its_own()
    {
        ImageBackupInfo[] Objects() => [.. new ImageCatalog(_repository, _cache).List(new ImageFilter { IncludeInactive = true }, onWarning: null, CancellationToken.None)];
        ImageBackupInfo[] first = Objects(), second = Objects();
        Assert.Equal(first.Length, second.Length);
        // What a script hangs on one object must not show on that of the next list.
        Assert.All(first.Zip(second), pair => Assert.NotSame(pair.First, pair.Second));
    }
}
