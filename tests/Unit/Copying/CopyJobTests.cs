using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Copying;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Copying;

/// <summary>Images in another repository: whole, no more than is lacking, and not before all of it is durable.</summary>
public sealed class CopyJobTests : IDisposable
{
    private readonly JobRig _source = new();
    private readonly JobRig _destination = new(TestRepository.NewOtherStorage());

    public void Dispose()
    {
        _source.Dispose();
        _destination.Dispose();
    }

    private ImageBackupInfo BackUp(string volume, byte[] content)
    {
        _source.Volumes.Add(volume, content);
        return _source.Backup(volume);
    }

    private CopyJob Begin(bool isPlan = false) => new(_source.Repository, _destination.Repository, isPlan, CancellationToken.None);

    private ImageCopyResult Copy(ImageBackupInfo image)
    {
        using CopyJob job = Begin();
        return job.Copy(image, null, CancellationToken.None);
    }

    private int PackCount => _destination.Memory.Names(StoredKind.Pack).Length;

    [Fact]
    public void A_copy_restores_and_what_both_have_is_not_sent_again()
    {
        byte[] older = JobRig.Content("abc0dabe", tailBytes: 100), newer = JobRig.Content("abc0dabf", tailBytes: 100);
        ImageBackupInfo first = BackUp("/mem/a", older), second = BackUp("/mem/b", newer);
        ImageCopyResult whole = Copy(first), rest = Copy(second);
        Assert.True(whole.IsNew && rest.IsNew);
        // Of the second: one chunk, and its trees and metadata.
        Assert.InRange(rest.CopiedChunkCount, 2, 6);
        Assert.InRange(rest.StoredBytes, JobRig.ChunkBytes, 2 * JobRig.ChunkBytes);
        _destination.AssertRestores(whole.CopyId!, older);
        _destination.AssertRestores(rest.CopyId!, newer);
        TestRepository.AssertHealthy(_destination.Repository);
        Assert.Equal(first.Id, ImageContent.LoadSnapshot(_destination.Repository, whole.CopyId!).Original);
        Assert.Empty(_source.Memory.Names(StoredKind.Lock));
        Assert.Empty(_destination.Memory.Names(StoredKind.Lock));
    }

    [Fact]
    public void An_image_that_is_there_stays_as_it_is_whoever_copied_it_and_back_again()
    {
        ImageBackupInfo image = BackUp("/mem/a", JobRig.Content("ab"));
        ImageCopyResult first = Copy(image), second = Copy(image);
        Assert.False(second.IsNew);
        Assert.Equal((first.CopyId, 1), (second.CopyId, _destination.SnapshotCount));
        using var back = new CopyJob(_destination.Repository, _source.Repository, isPlan: false, CancellationToken.None);
        ImageCopyResult returned = back.Copy(image with { Id = first.CopyId! }, null, CancellationToken.None);
        Assert.Equal((false, image.Id), (returned.IsNew, returned.CopyId));
    }

    [Fact]
    public void A_plan_writes_nothing_and_counts_what_images_share_once()
    {
        ImageBackupInfo first = BackUp("/mem/a", JobRig.Content("abcd")), second = BackUp("/mem/b", JobRig.Content("abce"));
        _destination.Storage.Reset();
        using (CopyJob job = Begin(isPlan: true))
        {
            ImageCopyResult all = job.Plan(first, CancellationToken.None), rest = job.Plan(second, CancellationToken.None);
            Assert.True(all.IsNew && all.CopyId is null);
            Assert.Equal(all.ChunkCount, all.CopiedChunkCount);
            Assert.InRange(all.ReadBytes, 4 * JobRig.ChunkBytes, 5 * JobRig.ChunkBytes);
            Assert.InRange(rest.ReadBytes, JobRig.ChunkBytes, 2 * JobRig.ChunkBytes);
        }
        Assert.DoesNotContain(_destination.Storage.Calls, call => call.Operation is StorageOperation.Save or StorageOperation.BeginUpload or StorageOperation.Delete);
        Assert.Equal(0, PackCount);
    }

    [Fact]
    public void A_record_comes_when_all_that_it_refers_to_is_durable_and_listed()
    {
        ImageBackupInfo image = BackUp("/mem/a", JobRig.Content("abc0dabe"));
        _destination.Storage.Reset();
        Copy(image);
        StorageCall[] calls = [.. _destination.Storage.Calls];
        int record = Array.FindIndex(calls, call => call is { Operation: StorageOperation.Save, Kind: StoredKind.Snapshot });
        int[] needed = [.. Enumerable.Range(0, calls.Length).Where(i => calls[i] is { Operation: StorageOperation.Commit, Kind: StoredKind.Pack } or { Operation: StorageOperation.Save, Kind: StoredKind.Index })];
        Assert.True(needed.Length >= 3);
        Assert.All(needed, i => Assert.True(i < record));
    }

    /// <summary>Whatever call of the destination fails, no image is there that is not whole, and the next copy goes on from what is there.</summary>
    [Fact]
    public void A_copy_that_failed_goes_on_where_it_stopped()
    {
        // Noise of several packs.
        byte[] content = SeededBytes.Make(5, 40 << 20);
        ImageBackupInfo image = BackUp("/mem/a", content);
        foreach ((StorageOperation operation, StoredKind kind, int number) in new[]
        {
            (StorageOperation.Append, StoredKind.Pack, 40), (StorageOperation.Commit, StoredKind.Pack, 1), (StorageOperation.Save, StoredKind.Snapshot, 0),
        })
        {
            _destination.Storage.Reset();
            _destination.Storage.Script = call => call == new StorageCall(operation, kind, number) ? new StorageFault(StorageProblem.Full, FaultMoment.Before) : null;
            JobRig.AssertFails(ErrorId.RepositoryFull, () => Copy(image));
            Assert.Equal(0, _destination.SnapshotCount);
            _destination.Storage.Reset();
            TestRepository.AssertHealthy(_destination.Repository);
        }
        ImageCopyResult last = Copy(image);
        Assert.True(last.IsNew);
        Assert.Equal(0, last.CopiedChunkCount);
        _destination.AssertRestores(last.CopyId!, content);
        TestRepository.AssertHealthy(_destination.Repository);
    }

    [Fact]
    public void Chunks_whose_pack_is_gone_at_the_destination_are_sent_again()
    {
        byte[] content = JobRig.Content("abcdefgh");
        Copy(BackUp("/mem/a", content));
        string gone = _destination.Memory.Names(StoredKind.Pack).OrderByDescending(name => _destination.Memory.LengthOf(StoredKind.Pack, name)).First();
        _destination.Memory.Delete(StoredKind.Pack, gone);
        // The same content in an image of another volume.
        ImageCopyResult again = Copy(BackUp("/mem/b", content));
        Assert.InRange(again.CopiedChunkCount, 8, 16);
        _destination.AssertRestores(again.CopyId!, content);
    }

    [Fact]
    public void A_damaged_chunk_ends_the_copy_of_its_image_and_no_other()
    {
        ImageBackupInfo bad = BackUp("/mem/a", SeededBytes.Make(1, 20 * JobRig.ChunkBytes));
        string pack = _source.Memory.Names(StoredKind.Pack).OrderByDescending(name => _source.Memory.LengthOf(StoredKind.Pack, name)).First();
        byte[] good = JobRig.Content("xy");
        ImageBackupInfo whole = BackUp("/mem/b", good);
        byte[] bytes = _source.Memory.Content(StoredKind.Pack, pack);
        bytes[1000] ^= 1;
        _source.Memory.Replace(StoredKind.Pack, pack, bytes);
        using CopyJob job = Begin();
        JobRig.AssertFails(ErrorId.ChunkCorrupt, () => job.Copy(bad, null, CancellationToken.None));
        ImageCopyResult copy = job.Copy(whole, null, CancellationToken.None);
        Assert.Equal(1, _destination.SnapshotCount);
        _destination.AssertRestores(copy.CopyId!, good);
    }

    [Fact]
    public void One_repository_is_not_copied_to_itself_and_an_image_that_is_gone_is_an_error()
    {
        JobRig.AssertFails(ErrorId.ParameterInvalid, () => new CopyJob(_source.Repository, _source.Repository, isPlan: true, CancellationToken.None).Dispose());
        ImageBackupInfo image = BackUp("/mem/a", JobRig.Content("a"));
        new RemoveJob(_source.Repository).Remove([image.Id], null, null, CancellationToken.None);
        JobRig.AssertFails(ErrorId.ImageNotFound, () => Copy(image));
        Assert.Equal(0, _destination.SnapshotCount);
    }
}
