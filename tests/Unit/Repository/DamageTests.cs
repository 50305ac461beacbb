using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository;

/// <summary>A flipped bit or a cut anywhere: told by what reads it, under the fitting id, or the restore is equal all the same.</summary>
public sealed class DamageTests : IDisposable
{
    private readonly JobRig _rig = new();
    private readonly byte[] _content = JobRig.Content("ab0", 7_000);
    private readonly string _id;

    public DamageTests()
    {
        _rig.Volumes.Add("/mem/a", _content);
        _id = _rig.Backup("/mem/a", r => r with { ThrottleLimit = 1 }).Id;
    }

    public void Dispose() => _rig.Dispose();

    /// <summary>A key that nobody used today is checked too.</summary>
    [Fact]
    public void A_damaged_key_is_found_though_another_opened()
    {
        byte[] garbage = "{ this is not a key"u8.ToArray();
        string bad = BlobId.Of(garbage).ToString();
        _rig.Memory.Save(StoredKind.Key, bad, garbage);
        RepositoryCheckResult result = _rig.Repository.Check(false, null, CancellationToken.None);
        RepositoryProblem problem = Assert.Single(result.Problems);
        Assert.Equal((ErrorId.KeyCorrupt, "keys/" + bad), (problem.ErrorId, problem.File));
        _rig.Memory.Delete(StoredKind.Key, bad);
        TestRepository.AssertHealthy(_rig.Repository);
        _rig.Memory.Delete(StoredKind.Key, _rig.Repository.KeyName);
        Assert.Equal(ErrorId.KeyCorrupt, Assert.Single(_rig.Repository.Check(false, null, CancellationToken.None).Problems).ErrorId);
    }

    /// <summary>An index on a bad sector is told, and the rest of the check goes on.</summary>
    [Fact]
    public void An_index_that_cannot_be_read_is_told_and_the_check_goes_on()
    {
        _rig.Volumes.Add("/mem/b", JobRig.Content("xyz"));
        string second = _rig.Backup("/mem/b").Id;
        _rig.Storage.Reset();
        _rig.Storage.Script = call => call is { Operation: StorageOperation.Load, Kind: StoredKind.Index, Number: 0 } ? new StorageFault(StorageProblem.ReadError, FaultMoment.Before) : null;
        RepositoryCheckResult result = _rig.Repository.Check(false, null, CancellationToken.None);
        Assert.Single(result.Problems, p => p.ErrorId == ErrorId.RepositoryReadFailed && p.File.StartsWith("index/", StringComparison.Ordinal));
        // What only that file listed is missing for one of the images, and that is told too.
        Assert.Contains(result.Problems, p => p.ErrorId == ErrorId.ChunkMissing && (p.File.EndsWith(_id, StringComparison.Ordinal) || p.File.EndsWith(second, StringComparison.Ordinal)));
        Assert.Equal((2, 2), (result.SnapshotCount, result.IndexCount));
        _rig.Storage.Reset();
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Fact]
    public void A_flipped_bit_anywhere_is_detected_or_harmless()
    {
        int harmless = 0, told = 0;
        foreach (StoredKind kind in new[] { StoredKind.Index, StoredKind.Snapshot, StoredKind.Pack })
        {
            foreach (string name in _rig.Memory.Names(kind))
            {
                byte[] good = _rig.Memory.Content(kind, name);
                // Every byte of small files; of large ones both ends and a sample between.
                for (int at = 0; at < good.Length; at += at < 100 || at > good.Length - 400 || good.Length < 500 ? 7 : 3_001)
                {
                    byte[] bad = (byte[])good.Clone();
                    bad[at] ^= (byte)(1 << at % 8);
                    _rig.Memory.Replace(kind, name, bad);
                    AssertDetectedByCheck(kind, at);
                    if (AssertRestoresOrFails(kind))
                        harmless++;
                    else
                        told++;
                }
                _rig.Memory.Replace(kind, name, good);
            }
        }
        // Pack headers are not read by a restore; all else is.
        Assert.True(told > harmless, $"{told} told, {harmless} harmless");
        Assert.True(harmless > 0);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Theory]
    [InlineData(StoredKind.Index, ErrorId.IndexCorrupt)]
    [InlineData(StoredKind.Snapshot, ErrorId.SnapshotCorrupt)]
    [InlineData(StoredKind.Pack, ErrorId.PackCorrupt)]
    public void A_file_that_was_cut(Enum kindValue, ErrorId id)
    {
        var kind = (StoredKind)kindValue;
        foreach (string name in _rig.Memory.Names(kind))
        {
            byte[] good = _rig.Memory.Content(kind, name);
            foreach (int length in new[] { 0, 1, 31, 32, good.Length / 2, good.Length - 1 })
            {
                _rig.Memory.Replace(kind, name, good[..length]);
                // The structure alone tells; no byte of a pack needs reading.
                RepositoryCheckResult result = _rig.Repository.Check(readData: false, null, CancellationToken.None);
                Assert.False(result.IsHealthy);
                Assert.Contains(result.Problems, p => p.ErrorId == id && p.File.Contains(name, StringComparison.Ordinal));
                AssertRestoresOrFails(kind);
            }
            _rig.Memory.Replace(kind, name, good);
        }
    }

    [Theory]
    [InlineData(StoredKind.Index, ErrorId.ChunkMissing)]
    [InlineData(StoredKind.Pack, ErrorId.PackCorrupt)]
    public void A_file_that_is_gone(Enum kindValue, ErrorId id)
    {
        var kind = (StoredKind)kindValue;
        foreach (string name in _rig.Memory.Names(kind))
        {
            byte[] good = _rig.Memory.Content(kind, name);
            _rig.Memory.Delete(kind, name);
            RepositoryCheckResult result = _rig.Repository.Check(readData: true, null, CancellationToken.None);
            Assert.False(result.IsHealthy);
            Assert.Contains(result.Problems, p => p.ErrorId == id);
            Assert.False(AssertRestoresOrFails(kind));
            _rig.Memory.Save(kind, name, good);
        }
    }

    [Fact]
    public void A_check_goes_on_and_names_everything()
    {
        foreach (StoredKind kind in new[] { StoredKind.Snapshot, StoredKind.Pack })
        {
            foreach (string name in _rig.Memory.Names(kind))
            {
                byte[] bad = _rig.Memory.Content(kind, name);
                bad[40] ^= 1;
                _rig.Memory.Replace(kind, name, bad);
            }
        }
        RepositoryCheckResult result = _rig.Repository.Check(readData: true, null, CancellationToken.None);
        foreach (StoredKind kind in new[] { StoredKind.Snapshot, StoredKind.Pack })
            Assert.All(_rig.Memory.Names(kind), name => Assert.Contains(result.Problems, p => p.File.EndsWith(name, StringComparison.Ordinal)));
    }

    [Fact]
    public void Packs_that_no_index_lists_are_told_as_harmless()
    {
        byte[] stray = SeededBytes.Make(1, 100);
        _rig.Memory.Save(StoredKind.Pack, BlobId.Of(stray).ToString(), stray);
        RepositoryCheckResult result = _rig.Repository.Check(readData: false, null, CancellationToken.None);
        Assert.True(result.IsHealthy);
        Assert.Equal(1, result.UnreferencedPackCount);
    }

    /// <summary>What a killed upload leaves on a server that keeps half of a file under its name (rclone's does).</summary>
    [Fact]
    public void Half_of_a_pack_that_nobody_needs_is_not_damage_and_half_of_one_that_is_needed_is()
    {
        string pack = _rig.Memory.Names(StoredKind.Pack)[0];
        byte[] whole = _rig.Memory.Content(StoredKind.Pack, pack);
        byte[] half = whole[..(whole.Length / 2)];
        _rig.Memory.Save(StoredKind.Pack, BlobId.Of([1]).ToString(), half);
        RepositoryCheckResult result = _rig.Repository.Check(readData: true, null, CancellationToken.None);
        Assert.Empty(result.Problems);
        Assert.Equal(1, result.UnreferencedPackCount);
        // Its index is lost too: now it may hold what images miss.
        foreach (string index in _rig.Memory.Names(StoredKind.Index))
            _rig.Memory.Delete(StoredKind.Index, index);
        _rig.Memory.Replace(StoredKind.Pack, pack, half);
        result = _rig.Repository.Check(readData: true, null, CancellationToken.None);
        Assert.Contains(result.Problems, problem => problem.File.EndsWith(pack, StringComparison.Ordinal));
    }

    /// <summary>A pack that lies where another's bytes should be: sealed under the right key, but it is another.</summary>
    [Fact]
    public void Packs_that_changed_places_are_found_out()
    {
        string[] packs = _rig.Memory.Names(StoredKind.Pack);
        byte[] one = _rig.Memory.Content(StoredKind.Pack, packs[0]), other = _rig.Memory.Content(StoredKind.Pack, packs[1]);
        _rig.Memory.Replace(StoredKind.Pack, packs[0], other);
        _rig.Memory.Replace(StoredKind.Pack, packs[1], one);
        Assert.False(_rig.Repository.Check(readData: true, null, CancellationToken.None).IsHealthy);
        Assert.False(AssertRestoresOrFails(StoredKind.Pack));
    }

    private void AssertDetectedByCheck(StoredKind kind, int at)
    {
        RepositoryCheckResult result = _rig.Repository.Check(readData: true, null, CancellationToken.None);
        Assert.False(result.IsHealthy, $"A bit of {kind} at {at} was flipped and the check found nothing.");
        Assert.Contains(result.Problems, p => p.ErrorId == RepositoryFiles.CorruptId(kind));
    }

    /// <summary>True if the restore was equal.</summary>
    private bool AssertRestoresOrFails(StoredKind kind)
    {
        MemoryVolume target = _rig.Volumes.Add("/mem/t", SeededBytes.Make(9, _content.Length));
        try
        {
            _rig.Restore(_id, "/mem/t", r => r with { ThrottleLimit = 1 });
        }
        catch (ImageBackupException e)
        {
            ErrorId[] fitting = kind switch
            {
                StoredKind.Index => [ErrorId.IndexCorrupt, ErrorId.ChunkMissing],
                StoredKind.Snapshot => [ErrorId.SnapshotCorrupt],
                _ => [ErrorId.ChunkCorrupt, ErrorId.PackCorrupt],
            };
            Assert.Contains(e.Id, fitting);
            return false;
        }
        Assert.Equal(_content, target.Content);
        return true;
    }
}
