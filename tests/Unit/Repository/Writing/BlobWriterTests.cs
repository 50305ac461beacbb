using System;
using System.IO;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Writing;

/// <summary>Blobs that are written part by part: what they are, what they take, what of one that has no end is left.</summary>
[Collection(HostileSumsTests.Memory)]
public sealed class BlobWriterTests : IDisposable
{
    // Storage in memory would count as memory.
    private readonly TemporaryDirectory _directory = new();
    private readonly ImageRepository _repository;
    private readonly BlobIndex _index = new();
    private readonly RepositoryWriter _session;
    private readonly BlobWriter _writer;

    public BlobWriterTests()
    {
        TestRepository.WriteEmpty(_directory.Path);
        using RepositoryPassword password = TestRepository.NewPassword();
        _repository = ImageRepository.Open(_directory.Path, password, CancellationToken.None);
        _session = new RepositoryWriter(_repository.Files, _repository.Sealers, _index, _repository.FormatVersion, CancellationToken.None);
        _writer = _session.OpenLane();
    }

    public void Dispose()
    {
        _writer.Dispose();
        _session.Dispose();
        _repository.Dispose();
        _directory.Dispose();
    }

    /// <summary>Digits, as a list of ids has them: half of it is gone when it is compressed.</summary>
    private static byte[] Digits(int lengthBytes) => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SeededBytes.Make(lengthBytes, lengthBytes / 2 + 1)).Substring(0, lengthBytes));

    private static Action<Stream> Writes(byte[] content, int partBytes = 5000) => target =>
    {
        for (int offset = 0; offset < content.Length; offset += partBytes)
            target.Write(content, offset, Math.Min(partBytes, content.Length - offset));
    };

    private void Finish()
    {
        _writer.Flush();
        _session.Finish();
    }

    private byte[] Read(BlobId id, BlobType type)
    {
        Assert.True(_index.TryFind(id, type, out BlobLocation location));
        using var reader = new BlobReader(_repository.Files, _repository.Sealers);
        byte[] inParts = [];
        reader.ReadInParts(id, location, (part, _) =>
        {
            inParts = [.. inParts, .. part];
            return part.Length;
        });
        Assert.Equal(reader.Read(id, location), inParts);
        return inParts;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(13)]
    [InlineData(32 << 10)]
    [InlineData((32 << 10) + 1)]
    [InlineData(1_000_003)]
    public void What_is_written_in_parts_is_read_whole(int lengthBytes)
    {
        byte[] before = Digits(2000), content = Digits(lengthBytes), after = Digits(3000);
        _writer.Save(BlobType.Tree, BlobId.Of(before), before);
        Assert.Equal(BlobId.Of(content), _writer.SaveInParts(BlobType.Tree, Writes(content)));
        _writer.Save(BlobType.Tree, BlobId.Of(after), after);
        Finish();
        Assert.Equal(content, Read(BlobId.Of(content), BlobType.Tree));
        Assert.Equal(before, Read(BlobId.Of(before), BlobType.Tree));
        Assert.Equal(after, Read(BlobId.Of(after), BlobType.Tree));
    }

    [Fact]
    public void What_is_there_is_not_stored_again()
    {
        byte[] content = Digits(200_000);
        int writes = 0;
        void Write(Stream target)
        {
            writes++;
            Writes(content)(target);
        }
        Assert.Equal(_writer.SaveInParts(BlobType.Tree, Write), _writer.SaveInParts(BlobType.Tree, Write));
        // Twice for the first, and once for the id of the second.
        Assert.Equal(3, writes);
        Finish();
        Assert.InRange(_session.StoredBytes, 100_000, 130_000);
    }

    [Fact]
    public void One_that_breaks_off_or_changes_leaves_nothing_behind()
    {
        byte[] content = Digits(200_000), other = Digits(2000);
        _writer.Save(BlobType.Tree, BlobId.Of(other), other);
        int writes = 0;
        Assert.Throws<InvalidOperationException>(() => _writer.SaveInParts(BlobType.Tree, target =>
        {
            Writes(content)(target);
            if (++writes == 2)
                throw new InvalidOperationException();
        }));
        writes = 0;
        Assert.Equal(ErrorId.RepositoryWriteFailed, Assert.Throws<ImageBackupException>(() => _writer.SaveInParts(BlobType.Tree, target =>
        {
            content[100] += (byte)writes++;
            Writes(content)(target);
        })).Id);
        content = Digits(200_000);
        // Its pack went with it, and it is stored with the next one.
        _writer.Save(BlobType.Tree, BlobId.Of(other), other);
        _writer.SaveInParts(BlobType.Tree, Writes(content));
        Finish();
        Assert.Equal(content, Read(BlobId.Of(content), BlobType.Tree));
        Assert.Equal(other, Read(BlobId.Of(other), BlobType.Tree));
        Assert.Equal(2, _index.Count);
    }

    [Fact]
    public void A_long_one_is_not_in_memory()
    {
        byte[] content = Digits(16 << 20);
        _writer.SaveInParts(BlobType.Tree, Writes(Digits(100_000)));
        long before = GC.GetAllocatedBytesForCurrentThread();
        _writer.SaveInParts(BlobType.Tree, Writes(content));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, content.Length / 10);
    }

    /// <summary>A blob passes through its pack's list and header, the index, and the text of an index file. Of each only the index keeps something.</summary>
    [Fact]
    public void A_small_blob_takes_no_memory_but_its_place_in_the_index()
    {
        const int blobCount = 60_000;
        byte[] content = new byte[300];
        long Save(int first)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = first; i < first + blobCount; i++)
            {
                BitConverter.TryWriteBytes(content, i);
                _writer.Save(BlobType.Data, BlobId.Of(content), content);
            }
            _writer.Flush();
            // What commits packs is a thread of its own.
            Assert.True(SpinWait.SpinUntil(() => _index.Count == first + blobCount, TimeSpan.FromSeconds(20)));
            return GC.GetTotalAllocatedBytes(precise: true) - before;
        }
        Save(0);
        double bytes = Save(blobCount) / (double)blobCount;
        Finish();
        Assert.Equal(2 * blobCount, _index.Count);
        TestContext.Current.SendDiagnosticMessage("{0:F0} bytes a blob allocated, {1:F0} of them the index", bytes, _index.MemoryBytes / (double)_index.Count);
        // What the sealing and compressing of one takes for a moment is in it. Lists, headers and texts in arrays of their own were above two thousand.
        Assert.InRange(bytes, 40, 480);
    }
}
