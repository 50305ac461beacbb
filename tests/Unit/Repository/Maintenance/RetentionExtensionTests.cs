using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Maintenance;

/// <summary>When all that is in use is kept for the whole period again, and in which order.</summary>
public sealed class RetentionExtensionTests : IDisposable
{
    private static readonly BlobId[] s_packs = [BlobId.Of("1"u8), BlobId.Of("2"u8), BlobId.Of("3"u8)];

    private readonly MemoryStorage _storage = TestRepository.NewStorage();
    private readonly ImageRepository _repository;
    private readonly List<string> _told = [];

    public RetentionExtensionTests()
    {
        _repository = TestRepository.Open(_storage);
        _storage.RetentionPeriod = TimeSpan.FromDays(30);
        _storage.Save(StoredKind.Snapshot, s_packs[0].ToString(), [1]);
        _storage.Save(StoredKind.Index, s_packs[1].ToString(), [1]);
        _storage.Save(StoredKind.Lock, s_packs[2].ToString(), [1]);
    }

    public void Dispose() => _repository.Dispose();

    private void Extend() => RetentionExtension.ExtendIfDue(_repository.Files, () => s_packs, _told.Add, TestContext.Current.CancellationToken);

    private void Mark(double daysLeft) => _storage.Kept[(StoredKind.Config, "")] = DateTimeOffset.UtcNow.AddDays(daysLeft);

    [Fact]
    public void Nothing_is_done_while_two_thirds_of_the_period_are_left_or_nothing_is_kept()
    {
        Mark(daysLeft: 20.1);
        Extend();
        _storage.RetentionPeriod = null;
        Mark(daysLeft: 0);
        Extend();
        Assert.Empty(_storage.Retained);
        Assert.Empty(_told);
    }

    [Theory]
    [InlineData(19.9)]
    [InlineData(-5.0)]
    [InlineData(null)]
    public void All_that_is_in_use_is_extended_and_the_config_after_it(double? daysLeft)
    {
        if (daysLeft is { } left)
            Mark(left);
        Extend();
        List<(StoredKind Kind, string Name)> expected =
        [
            .. _storage.Names(StoredKind.Key).Select(name => (StoredKind.Key, name)), (StoredKind.Snapshot, s_packs[0].ToString()), (StoredKind.Index, s_packs[1].ToString()),
            .. s_packs.Select(pack => (StoredKind.Pack, pack.ToString())), (StoredKind.Config, ""),
        ];
        Assert.Equal(expected.Order(), _storage.Retained.Order());
        Assert.Equal((StoredKind.Config, ""), _storage.Retained.Last());
        Assert.Contains($"of {expected.Count} files is extended to 30 days", Assert.Single(_told), StringComparison.Ordinal);
        Extend();
        Assert.Equal(expected.Count, _storage.Retained.Count);
    }

    [Fact]
    public void An_extension_that_was_refused_in_the_middle_is_begun_again()
    {
        Mark(daysLeft: 1);
        _storage.RefusesToRetain = StoredKind.Pack;
        Assert.Equal(ErrorId.RepositoryAccessDenied, Assert.Throws<ImageBackupException>(Extend).Id);
        Assert.DoesNotContain((StoredKind.Config, ""), _storage.Retained);
        _storage.RefusesToRetain = null;
        Extend();
        Assert.All(s_packs, pack => Assert.Contains((StoredKind.Pack, pack.ToString()), _storage.Retained));
    }
}
