using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository;

/// <summary>The JSON that restic's design document prints, read as it says.</summary>
public sealed class FormatExampleTests
{
    private const string Index = """
        {
          "supersedes": [
            "ed54ae36197f4745ebc4b54d10e0f623eaaaedd03013eb7ae90df881b7781452"
          ],
          "packs": [
            {
              "id": "73d04e6125cf3c28a299cc2f3cca3b78ceac396e4fcf9575e34536b26782413c",
              "blobs": [
                {
                  "id": "3ec79977ef0cf5de7b08cd12b874cd0f62bbaf7f07f3497a5b1bbcc8cb39b1ce",
                  "type": "data",
                  "offset": 0,
                  "length": 38
                },
                {
                  "id": "9ccb846e60d90d4eb915848add7aa7ea1e4bbabfc60e573db9f7bfb2789afbae",
                  "type": "data",
                  "offset": 38,
                  "length": 112,
                  "uncompressed_length": 511
                },
                {
                  "id": "d3dc577b4ffd38cc4b32122cabf8655a0223ed22edfd93b353dc0c3f2b0fdf66",
                  "type": "data",
                  "offset": 150,
                  "length": 123,
                  "uncompressed_length": 234
                }
              ]
            }
          ]
        }
        """;

    [Fact]
    public void Config()
    {
        RepositoryConfig config = RepositoryConfig.Read(Utf8("""
            {
              "version": 2,
              "id": "5956a3f67a6230d4a92cefb29529f10196c7d92582ec305fd71ff6d331d6271b",
              "chunker_polynomial": "25b468838dcb75"
            }
            """));
        Assert.Equal(new RepositoryConfig(2, "5956a3f67a6230d4a92cefb29529f10196c7d92582ec305fd71ff6d331d6271b", "25b468838dcb75"), config);
        Assert.Equal(config, RepositoryConfig.Read(config.Write()));
    }

    [Fact]
    public void Indexing()
    {
        var packs = new List<IndexedPack>();
        List<string> supersedes = IndexFile.Read(Utf8(Index), packs.Add);
        Assert.Equal(["ed54ae36197f4745ebc4b54d10e0f623eaaaedd03013eb7ae90df881b7781452"], supersedes);
        IndexedPack pack = Assert.Single(packs);
        Assert.Equal("73d04e6125cf3c28a299cc2f3cca3b78ceac396e4fcf9575e34536b26782413c", pack.PackId.ToString());
        Assert.Equal(
        [
            new PackEntry(Id("3ec79977ef0cf5de7b08cd12b874cd0f62bbaf7f07f3497a5b1bbcc8cb39b1ce"), BlobType.Data, 0, 38, 0),
            new PackEntry(Id("9ccb846e60d90d4eb915848add7aa7ea1e4bbabfc60e573db9f7bfb2789afbae"), BlobType.Data, 38, 112, 511),
            new PackEntry(Id("d3dc577b4ffd38cc4b32122cabf8655a0223ed22edfd93b353dc0c3f2b0fdf66"), BlobType.Data, 150, 123, 234),
        ], pack.Blobs);
        Assert.Equal(new string(Index.Where(c => !char.IsWhiteSpace(c)).ToArray()), Encoding.UTF8.GetString(IndexFile.Write(packs, supersedes)));
    }

    /// <summary>Format 1's oldest indexes were a bare list of packs.</summary>
    [Fact]
    public void Indexing_of_old()
    {
        var packs = new List<IndexedPack>();
        string old = Index[Index.IndexOf("[\n    {", StringComparison.Ordinal)..Index.LastIndexOf('}')];
        Assert.Empty(IndexFile.Read(Utf8(old), packs.Add));
        Assert.Equal(3, Assert.Single(packs).Blobs.Count);
    }

    [Theory]
    [InlineData("", null, 1)]
    [InlineData(""", "DE"], "original": "251c2e5841355f743f9d4ffd3260bee765acee40a6229857e32b60446991b837" """, "251c2e5841355f743f9d4ffd3260bee765acee40a6229857e32b60446991b837", 2)]
    public void Snapshots(string more, string? original, int tagCount)
    {
        string json = """
            {
              "time": "2015-01-02T18:10:50.895208559+01:00",
              "tree": "2da81727b6585232894cfbb8f8bdab8d1eccd3d8f7c92bc934d62e62e618ffdf",
              "paths": [
                "/tmp/testdata"
              ],
              "hostname": "kasimir",
              "username": "fd0",
              "uid": 1000,
              "gid": 100,
              "tags": [
                "NL"
            """ + (more.Length == 0 ? "]" : more) + "}";
        SnapshotRecord snapshot = SnapshotRecord.Read(Utf8(json));
        Assert.Equal(new DateTimeOffset(2015, 1, 2, 18, 10, 50, TimeSpan.FromHours(1)).AddTicks(8952085), snapshot.Time);
        Assert.Equal("2da81727b6585232894cfbb8f8bdab8d1eccd3d8f7c92bc934d62e62e618ffdf", snapshot.Tree.ToString());
        Assert.Equal(["/tmp/testdata"], snapshot.Paths);
        Assert.Equal(("kasimir", "fd0", 1000, 100), (snapshot.HostName, snapshot.UserName, snapshot.UserId, snapshot.GroupId));
        Assert.Equal(new[] { "NL", "DE" }.Take(tagCount), snapshot.Tags);
        Assert.Equal(original, snapshot.Original);
        Assert.Null(snapshot.Summary);
    }

    [Fact]
    public void Trees()
    {
        TreeNode directory = Assert.Single(TreeFile.Read(Utf8("""
            {
              "nodes": [
                {
                  "name": "testdata",
                  "type": "dir",
                  "mode": 493,
                  "mtime": "2014-12-22T14:47:59.912418701+01:00",
                  "atime": "2014-12-06T17:49:21.748468803+01:00",
                  "ctime": "2014-12-22T14:47:59.912418701+01:00",
                  "uid": 1000,
                  "gid": 100,
                  "user": "fd0",
                  "inode": 409704562,
                  "content": null,
                  "subtree": "b26e315b0988ddcd1cee64c351d13a100fedbc9fdbb144a67d1b765ab280b4dc"
                }
              ]
            }
            """)));
        Assert.Equal(("testdata", "dir", "b26e315b0988ddcd1cee64c351d13a100fedbc9fdbb144a67d1b765ab280b4dc"), (directory.Name, directory.Type, directory.Subtree.ToString()));
        Assert.Empty(directory.Content);

        TreeNode file = Assert.Single(TreeFile.Read(Utf8("""
            {"nodes": [{"name": "testfile", "type": "file", "mode": 420, "mtime": "2014-12-06T17:50:23.34513538+01:00",
              "atime": "2014-12-06T17:50:23.338468713+01:00", "ctime": "2014-12-06T17:50:23.34513538+01:00", "uid": 1000, "gid": 100,
              "user": "fd0", "inode": 416863351, "size": 1234, "links": 1,
              "content": ["50f77b3b4291e8411a027b9f9b9e64658181cc676ce6ba9958b95f268cb1109d"]}]}
            """)));
        Assert.Equal(("testfile", "file", 1234L), (file.Name, file.Type, file.SizeBytes));
        Assert.Equal([Id("50f77b3b4291e8411a027b9f9b9e64658181cc676ce6ba9958b95f268cb1109d")], file.Content);
        Assert.Null(file.Subtree);

        TreeNode link = Assert.Single(TreeFile.Read(Utf8("""
            {"nodes": [{"name": "testlink", "type": "symlink", "mode": 134218239, "mtime": "2023-07-25T20:01:44.007465374+02:00",
              "uid": 1000, "gid": 100, "user": "fd0", "inode": 33734827, "links": 1, "linktarget": "example_target", "content": null}]}
            """)));
        Assert.Equal(("testlink", "symlink"), (link.Name, link.Type));
    }

    [Fact]
    public void Locks()
    {
        LockFile held = LockFile.Read(Utf8("""
            {
              "time": "2015-06-27T12:18:51.759239612+02:00",
              "exclusive": false,
              "hostname": "kasimir",
              "username": "fd0",
              "pid": 13607,
              "uid": 1000,
              "gid": 100
            }
            """));
        Assert.Equal(new LockFile
        {
            Time = new DateTimeOffset(2015, 6, 27, 12, 18, 51, TimeSpan.FromHours(2)).AddTicks(7592396),
            IsExclusive = false,
            HostName = "kasimir",
            UserName = "fd0",
            ProcessId = 13607,
        }, held);
        Assert.True(held.IsStale(DateTimeOffset.Now));
        Assert.False(held.IsStale(held.Time.AddMinutes(30)));
        Assert.True(held.IsStale(held.Time.AddMinutes(30).AddTicks(1)));
    }

    private static byte[] Utf8(string json) => Encoding.UTF8.GetBytes(json);

    private static BlobId Id(string hex) => BlobId.TryParse(hex, out BlobId id) ? id : throw new ArgumentException(hex);
}
