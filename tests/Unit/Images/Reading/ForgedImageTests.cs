using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Images.Reading;

/// <summary>
/// Somebody with the password writes an image whose description lies: right seals, right hashes, wrong words. Every command ends with
/// one of our errors, or does what the chunks say; a target of the wrong size is not begun.
/// </summary>
public sealed class ForgedImageTests : IDisposable
{
    private const string Name = "/mem/a";

    private readonly JobRig _rig = new();
    private readonly byte[] _content = JobRig.Content("ab0c", 777);
    private readonly ImageBackupInfo _image;

    public ForgedImageTests()
    {
        _rig.Volumes.Add(Name, _content);
        _image = _rig.Backup(Name, r => r with { ThrottleLimit = 1 });
    }

    public void Dispose() => _rig.Dispose();

    /// <summary>A snapshot like the real one, with another image.json, in its own JSON too, and another tree.</summary>
    private string Forge(Action<JsonObject> change, Func<List<TreeNode>, List<TreeNode>>? tree = null)
    {
        CancellationToken none = CancellationToken.None;
        BlobIndex index = _rig.Repository.LoadIndex(none);
        var real = ImageContent.LoadSnapshot(_rig.Repository, _image.Id);
        List<TreeNode> root = TreeWalk.Load(_rig.Repository, index, real.Tree);
        var json = (JsonObject)JsonNode.Parse(ImageContent.ReadFile(_rig.Repository, index, root.File(ImageFiles.Metadata)!))!;
        change(json);
        byte[] forged = Encoding.UTF8.GetBytes(json.ToJsonString());
        using RepositoryLock held = _rig.Repository.Lock(isExclusive: false, none);
        BlobId treeId;
        using (var session = new RepositoryWriter(_rig.Repository.Files, _rig.Repository.Sealers, index, _rig.Repository.FormatVersion, held.Lost))
        {
            using (BlobWriter lane = session.OpenLane())
            {
                List<TreeNode> nodes = [.. root.Where(node => node.Name != ImageFiles.Metadata), ImageFiles.Save(lane, ImageFiles.Metadata, forged, DateTimeOffset.UnixEpoch)];
                treeId = ImageFiles.SaveTree(lane, tree?.Invoke(nodes) ?? nodes);
                lane.Flush();
            }
            session.Finish();
        }
        return _rig.Repository.Files.SaveSealed(StoredKind.Snapshot, (real with { Tree = treeId, Summary = forged }).Write(), _rig.Repository.FormatVersion, _rig.Repository.Sealers);
    }

    public static TheoryData<string, string> Lies()
    {
        var lies = new TheoryData<string, string>();
        foreach (string number in new[] { "0", "-1", "1", "2147483647", "-2147483648", "4294967296", "9223372036854775807", "-9223372036854775808", "1e300", "\"x\"", "null", "[]" })
        {
            foreach (string member in new[] { "sizeBytes", "chunkSizeBytes", "sectorSizeBytes", "physicalSectorSizeBytes", "gapSizeBytes", "usedBytes", "usedRangeCount", "chunkCount", "zeroChunkCount", "storedBytes", "schema" })
                lies.Add(member, number);
        }
        foreach (string ranges in new[] { """[{"offsetBytes":-1,"lengthBytes":1}]""", """[{"offsetBytes":9223372036854775807,"lengthBytes":9223372036854775807}]""", """[{"offsetBytes":0,"lengthBytes":5},{"offsetBytes":3,"lengthBytes":-5}]""", "[1]", "[null]", "{}" })
            lies.Add("readErrors", ranges);
        foreach (string time in new[] { "\"0001-01-01T00:00:00+14:00\"", "\"9999-12-31T23:59:59.9999999-14:00\"", "\"yesterday\"", "7", "null" })
        {
            lies.Add("start", time);
            lies.Add("end", time);
            lies.Add("snapshotTime", time);
        }
        foreach (string text in new[] { "\"\"", "\"\\u001b[2J\\n..\\u0000/\"", "\"" + new string('a', 1 << 16) + "\"", "null", "7", "{}" })
        {
            lies.Add("volumeName", text);
            lies.Add("volumeId", text);
            lies.Add("imageType", text);
            lies.Add("chunkTags", text);
            lies.Add("managementClass", text);
            lies.Add("fileSystem", text);
            lies.Add("identity", text);
        }
        lies.Add("identity", """{"version":1,"facts":[{"kind":"gptPartition","value":"\u0000/.."},{"kind":"gptPartition","value":""}]}""");
        lies.Add("leftOut", """[{"path":"..\\..\\x","sizeBytes":9223372036854775807,"reason":"r"},{"path":"y","sizeBytes":9223372036854775807,"reason":"r"}]""");
        lies.Add("retention", """{"versionsExist":-5,"versionsDeleted":9223372036854775807,"retainExtraDays":"x","retainOnlyDays":1e99}""");
        return lies;
    }

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_description_that_lies_is_an_error_or_changes_nothing_that_is_restored(string member, string value) =>
        AssertHarmless(Forge(json => json[member] = JsonNode.Parse(value)));

    [Theory]
    [InlineData(0L)]
    [InlineData(1L)]
    [InlineData(long.MaxValue)]
    [InlineData((4 * JobRig.ChunkBytes) + 776L)]
    [InlineData((4 * JobRig.ChunkBytes) + 778L)]
    public void A_volume_whose_length_is_not_that_of_its_chunks_is_refused_before_the_target_is_touched(long sizeBytes)
    {
        string id = Forge(json => json["sizeBytes"] = sizeBytes,
            nodes => [.. nodes.Select(node => node.Name == ImageFiles.Volume ? node with { SizeBytes = sizeBytes } : node)]);
        MemoryVolume target = _rig.Volumes.Add("/mem/t", new byte[_content.Length]);
        Assert.Throws<ImageBackupException>(() => _rig.Restore(id, "/mem/t"));
        Assert.All(target.Content, b => Assert.Equal(0, b));
        AssertHarmless(id);
    }

    [Fact]
    public void Chunks_that_are_not_there_or_are_another_kind_of_blob_are_an_error()
    {
        foreach (BlobId wrong in new[] { BlobId.Of([1, 2, 3]), ImageContent.LoadSnapshot(_rig.Repository, _image.Id).Tree })
        {
            AssertHarmless(Forge(_ => { },
                nodes => [.. nodes.Select(node => node.Name == ImageFiles.Volume ? node with { Content = [wrong, .. node.Content.Skip(1)] } : node)]));
        }
    }

    private void AssertHarmless(string id)
    {
        var catalog = new ImageCatalog(_rig.Repository);
        // The other image is listed whatever this one says.
        Assert.Contains(catalog.List(new ImageFilter { IncludeInactive = true }, _ => { }, CancellationToken.None), image => image.Id == _image.Id);
        MemoryVolume target = _rig.Volumes.Add("/mem/target-" + Guid.NewGuid().ToString("N"), new byte[_content.Length]);
        Ours(() => catalog.Find(id, CancellationToken.None).ToString());
        Ours(() => _rig.Verify(id));
        Ours(() => _rig.Repository.Check(readData: false, null, CancellationToken.None));
        if (Ours(() => _rig.Restore(id, target.Description.Name)))
            Assert.Equal(_content, target.Content);
        Assert.Equal(0, target.OpenCount);
    }

    /// <summary>It ends well, or with an error of ours and no other.</summary>
    private static bool Ours(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (ImageBackupException e)
        {
            Assert.NotEqual("", e.Message);
            return false;
        }
    }
}
