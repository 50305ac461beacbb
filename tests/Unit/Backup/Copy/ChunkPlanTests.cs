using System;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup.Copy;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup.Copy;

public sealed class ChunkPlanTests : IDisposable
{
    private const int Chunk = JobRig.ChunkBytes;
    private const int ChunkCount = ChangeDetector.ProveEvery + 8;
    private const int Proven = 3, Changed = 5, Zeroed = 6, Unused = 7;

    private readonly JobRig _rig = new();
    private readonly byte[] _before = SeededBytes.Make(7, ChunkCount * Chunk);

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void Each_chunk_is_decided()
    {
        byte[] now = TakeAndChange();
        BlobIndex index = _rig.Repository.LoadIndex(CancellationToken.None);
        WithPlan(index, index, (plan, gmac) =>
        {
            for (int chunk = 0; chunk < ChunkCount; chunk++)
            {
                BlobId old = BlobId.Of(Of(_before, chunk)), other = BlobId.Of(Of(now, Changed));
                ChunkWork before = plan.BeforeReading(chunk);
                Assert.Equal(chunk == Unused ? ChunkWorkKind.Zero : ChunkWorkKind.Read, before.Kind);
                ChunkWork after = plan.AfterReading(before, Of(now, chunk), gmac);
                Assert.Equal(chunk, after.Chunk);
                Assert.Equal(chunk switch
                {
                    Unused or Zeroed => ChunkWorkKind.Zero,
                    Changed or Proven or Proven + ChangeDetector.ProveEvery => ChunkWorkKind.Hash,
                    _ => ChunkWorkKind.Unchanged,
                }, after.Kind);
                if (after.Kind == ChunkWorkKind.Unchanged)
                    Assert.Equal(old, after.Known.Id);
                // A tag that knows the chunk binds its hash; one that does not, does not.
                if (after.Kind == ChunkWorkKind.Hash)
                    Assert.Equal((true, chunk == Changed), (after.Allows(chunk == Changed ? other : old), after.Allows(BlobId.Of([1]))));
            }
        });
    }

    [Fact]
    public void What_the_repository_has_no_more_is_hashed()
    {
        byte[] now = TakeAndChange();
        WithPlan(_rig.Repository.LoadIndex(CancellationToken.None), new BlobIndex(), (plan, gmac) =>
        {
            ChunkWork work = plan.AfterReading(plan.BeforeReading(0), Of(now, 0), gmac);
            Assert.Equal((ChunkWorkKind.Hash, true, false), (work.Kind, work.Allows(BlobId.Of(Of(_before, 0))), work.Allows(BlobId.Of([1]))));
        });
    }

    [Fact]
    public void A_decision_allocates_nothing()
    {
        byte[] now = TakeAndChange();
        BlobIndex index = _rig.Repository.LoadIndex(CancellationToken.None);
        WithPlan(index, index, (plan, gmac) =>
        {
            ChunkWork[] read = [.. Enumerable.Range(0, ChunkCount).Select(chunk => plan.BeforeReading(chunk))];
            void Decide()
            {
                foreach (ChunkWork work in read)
                    plan.AfterReading(work, now.AsSpan((int)work.Chunk * Chunk, Chunk), gmac);
            }
            Decide();
            long bytes = GC.GetAllocatedBytesForCurrentThread();
            Decide();
            Assert.Equal(bytes, GC.GetAllocatedBytesForCurrentThread());
        });
    }

    /// <summary>Takes an image, and gives the volume's content after it was written to.</summary>
    private byte[] TakeAndChange()
    {
        _rig.Volumes.Add("/mem/a", _before);
        _rig.Backup("/mem/a");
        byte[] now = (byte[])_before.Clone();
        now[Changed * Chunk + 1] ^= 1;
        Array.Clear(now, Zeroed * Chunk, Chunk);
        _rig.Volumes.Add("/mem/a", now);
        return now;
    }

    private static byte[] Of(byte[] content, int chunk) => content[(chunk * Chunk)..((chunk + 1) * Chunk)];

    private void WithPlan(BlobIndex index, BlobIndex has, Action<ChunkPlan, Gmac> use)
    {
        Assert.SkipUnless(Gmac.IsSupported, "This processor makes no tags.");
        var query = new VolumeHistoryQuery(LocalHost.Name, "/mem/a", VolumeIdentity.None, HasTwins: false);
        PreviousImage newest = PreviousImage.Find(_rig.Repository, new SnapshotHeaderCache(_rig.Repository), query, DateTimeOffset.Now, CancellationToken.None).Newest!;
        using ParentImage parent = ParentImage.Open(_rig.Repository, newest, index, text => Assert.Fail(text))!;
        using var session = new RepositoryWriter(_rig.Repository.Files, _rig.Repository.Sealers, has, _rig.Repository.FormatVersion, CancellationToken.None);
        using IBlockReader volume = _rig.Volumes.OpenRead(_rig.Volumes.Find("/mem/a"), VolumeOpenMode.Exclusive);
        ByteRange[] used = [new ByteRange(0, Unused * Chunk), new ByteRange((Unused + 1) * Chunk, (ChunkCount - Unused - 1) * Chunk)];
        var source = new ChunkSource(volume, new ChunkGeometry(_before.Length, Chunk), new UsedRanges(used, _before.Length));
        var plan = new ChunkPlan(source, new ChangeDetector(parent.Header, parent, Proven), session);
        using Gmac gmac = plan.CreateGmac()!;
        use(plan, gmac);
    }
}
