using System;
using System.Linq;
using System.Text;
using CsCheck;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Snapshots;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Snapshots;

public sealed class SnapshotFileTests
{
    private static readonly Gen<string> s_text = Gen.String[Gen.OneOf(Gen.Char.AlphaNumeric, Gen.Const('"'), Gen.Const('ß'), Gen.Const('\\'), Gen.Const('+')), 0, 12];

    [Fact]
    public void Round_trip() => Gen.Select(s_text.Array[0, 4], s_text.Array[0, 4], s_text, s_text, Gen.Int.Nullable(), Gen.Byte.Array[32], Gen.Bool)
        .Sample((paths, tags, host, user, id, tree, hasSummary) =>
        {
            var snapshot = new SnapshotRecord
            {
                Time = new DateTimeOffset(2026, 11, 22, 15, 2, 14, TimeSpan.FromHours(-3.5)).AddTicks(1),
                Tree = new BlobId(tree),
                Paths = paths,
                Tags = tags,
                HostName = host,
                UserName = user,
                UserId = id,
                GroupId = id,
                Original = hasSummary ? "abc" : null,
                Parent = hasSummary ? "def" : null,
                ProgramVersion = "ImageBackup 1",
                Summary = hasSummary ? """{"schema":1,"x":[1,2,{"y":"z"}]}"""u8.ToArray() : null,
                Description = hasSummary ? host : null,
                Other = hasSummary ? [new("later", """{"a":[1,"b"]}"""), new("more", "null")] : [],
            };
            SnapshotRecord read = SnapshotRecord.Read(snapshot.Write());
            Assert.Equal(snapshot with { Paths = [], Tags = [], Summary = null, Other = [] }, read with { Paths = [], Tags = [], Summary = null, Other = [] });
            Assert.Equal(snapshot.Other, read.Other);
            Assert.Equal(paths, read.Paths);
            Assert.Equal(tags, read.Tags);
            Assert.Equal(snapshot.Summary, read.Summary);
        }, iter: 200);

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"time":"2015-01-02T18:10:50Z","tree":"2da8"}""")]
    [InlineData("""{"time":"2015-01-02T18:10:50Z","tree":null}""")]
    [InlineData("""{"time":"yesterday","tree":"2da81727b6585232894cfbb8f8bdab8d1eccd3d8f7c92bc934d62e62e618ffdf"}""")]
    [InlineData("""{"time":5,"tree":"2da81727b6585232894cfbb8f8bdab8d1eccd3d8f7c92bc934d62e62e618ffdf"}""")]
    public void What_is_no_snapshot_is_refused(string json) => Assert.Throws<FormatException>(() => SnapshotRecord.Read(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void A_summary_of_another_shape_is_none()
    {
        foreach (string summary in new[] { "null", "5", "[]", "\"x\"" })
        {
            string json = $$"""{"time":"2015-01-02T18:10:50Z","tree":"2da81727b6585232894cfbb8f8bdab8d1eccd3d8f7c92bc934d62e62e618ffdf","imagebackup":{{summary}}}""";
            Assert.Null(SnapshotRecord.Read(Encoding.UTF8.GetBytes(json)).Summary);
        }
    }
}
