using System;
using System.IO;
using System.Linq;
using System.Text;
using CsCheck;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class ManagementClassTests
{
    [Fact]
    public void Defaults_are_the_originals()
    {
        var standard = new ManagementClassCatalog(ManagementClassDocument.Empty).Default;
        Assert.Equal("STANDARD", standard.Name);
        Assert.Equal((2, 1, 30, 60), (standard.Retention.VersionsExist.Value, standard.Retention.VersionsDeleted.Value,
            standard.Retention.RetainExtraDays.Value, standard.Retention.RetainOnlyDays.Value));
        Assert.Equal(0, standard.FrequencyDays);
        var resolved = OptionResolver.Resolve(ImageOptions.Empty, null, new RuleDecision(null, null),
            new ManagementClassCatalog(ManagementClassDocument.Empty), []);
        Assert.Equal((SerializationMode.ShrStatic, 4), (resolved.Serialization.Value, resolved.ChangingRetries.Value));
        Assert.Equal(GapSize.Parse("32"), resolved.GapSize.Value);
        Assert.Equal(TimeSpan.FromSeconds(1), resolved.IdleWait.Value);
        Assert.Equal(100, resolved.SnapshotCacheSizePercent.Value);
    }

    [Fact]
    public void A_document_reads_back_the_same()
    {
        var limit = Gen.OneOf(Gen.Const(RetentionLimit.NoLimit), Gen.Int[1, 9999].Select(RetentionLimit.Of));
        var name = Gen.Char["ABCabc019_.-+&"].Array[1, 30].Select(letters => new string(letters));
        var managementClass = Gen.Select(name, limit, limit, limit, limit, Gen.Int[0, 9999], Gen.Int[0, 100_000]).Select((each, a, b, c, d, days, mix) => new ManagementClass
        {
            Name = each,
            Description = mix % 3 == 0 ? null : $"\"Größe\" \\ {mix} 💾",
            Retention = new RetentionValues { VersionsExist = a, VersionsDeleted = b, RetainExtraDays = c, RetainOnlyDays = d },
            FrequencyDays = days,
            Serialization = mix % 5 == 0 ? null : (SerializationMode)(mix % 4),
            ChangingRetries = mix % 7 == 0 ? null : mix % 100,
            ImageType = mix % 4 == 0 ? null : (ImageType)(mix % 3),
            GapSize = mix % 6 == 0 ? null : GapSize.FromKibibytes(mix),
            ChunkSize = mix % 5 == 0 ? null : ChunkSize.Of(1L << (16 + mix % 7)),
            SnapshotBackupType = mix % 9 == 0 ? null : (SnapshotBackupType)(mix % 2),
            Compression = mix % 8 == 0 ? null : (ImageCompression)(mix % 5),
        });
        managementClass.Array[0, 6].Sample(classes =>
        {
            var document = classes.Aggregate(ManagementClassDocument.Empty, (before, each) => before.Set(each));
            if (classes.Length > 0)
                document = document.WithDefault(classes[0].Name);
            var again = ManagementClassDocument.Read(document.Write(), "x", isEnforced: false);
            Assert.Equal(document.Classes, again.Classes);
            Assert.Equal(document.DefaultClass, again.DefaultClass);
            Assert.Equal(classes.Select(each => each.Name).Distinct(StringComparer.OrdinalIgnoreCase).Count(), again.Classes.Count);
        }, iter: 2_000);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"version":0}""")]
    [InlineData("""{"version":2}""")]
    [InlineData("""{"version":"1"}""")]
    [InlineData("""{"version":1,"default":"a b"}""")]
    [InlineData("""{"version":1,"classes":{}}""")]
    [InlineData("""{"version":1,"classes":[1]}""")]
    [InlineData("""{"version":1,"classes":[{}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A"},{"name":"a"}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","retainExtra":3}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","versionsExist":0}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","versionsExist":1.5}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","versionsExist":10000}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","retainOnlyDays":-1}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","retainOnlyDays":"never"}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","retainOnlyDays":1,"retainOnlyDays":2}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","serialization":"quiet"}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","imageType":"full"}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","gapSize":"4096g"}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","description":"\ud800"}]}""")]
    [InlineData("""{"version":1,"classes":[{"name":"A","description":"\u0007"}]}""")]
    [InlineData("""{"version":1,"classes":[[[[[[[[[[]]]]]]]]]]}""")]
    public void A_faulty_document_is_refused(string json)
    {
        var fault = Assert.Throws<ImageBackupException>(() => ManagementClassDocument.Read(Encoding.UTF8.GetBytes(json), "classes.json", false));
        Assert.Equal(ErrorId.ManagementClassInvalid, fault.Id);
        Assert.StartsWith("classes.json: ", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_bytes_give_a_document_or_the_documented_exception()
    {
        var valid = ManagementClassDocument.Empty.Set(new ManagementClass { Name = "GOLD", Description = "x" }).WithDefault("GOLD").Write();
        Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte, Gen.Int[0, valid.Length]).Sample((at, value, length) =>
        {
            var bytes = valid[..Math.Max(length, at + 1)];
            bytes[at] = value;
            try
            {
                ManagementClassDocument.Read(bytes, "x", false);
            }
            catch (ImageBackupException e)
            {
                Assert.Equal(ErrorId.ManagementClassInvalid, e.Id);
            }
        }, iter: 20_000);
    }

    [Fact]
    public void The_repositorys_classes_come_before_the_machines()
    {
        var machine = ManagementClassDocument.Empty.Set(Class("GOLD", 3)).Set(Class("MINE", 4)).WithDefault("MINE");
        var enforced = ManagementClassDocument.Empty.Set(Class("gold", 9)).WithDefault("gold");
        var both = new ManagementClassCatalog(machine, enforced);
        Assert.Equal(9, both.Get("Gold").Retention.VersionsExist.Value);
        Assert.Equal(4, both.Get("mine").Retention.VersionsExist.Value);
        Assert.Equal("gold", both.Default.Name);
        Assert.Equal(2, both.Get("standard").Retention.VersionsExist.Value);
        Assert.Equal("MINE", new ManagementClassCatalog(machine).Default.Name);
        Assert.Equal(ErrorId.ManagementClassNotFound,
            Assert.Throws<ImageBackupException>(() => new ManagementClassCatalog(ManagementClassDocument.Empty.WithDefault("NOWHERE"))).Id);
    }

    [Fact]
    public void Classes_are_set_and_removed_by_name()
    {
        var document = ManagementClassDocument.Empty.Set(Class("A", 3)).Set(Class("B", 3)).Set(Class("a", 5));
        Assert.Equal(["a", "B"], document.Classes.Select(each => each.Name));
        Assert.Equal(["B"], document.Remove("A").Classes.Select(each => each.Name));
        Assert.Equal(ErrorId.ManagementClassNotFound, Assert.Throws<ImageBackupException>(() => document.Remove("C")).Id);
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => document.WithDefault("a").Remove("A")).Id);
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => document.Set(Class("C", 0))).Id);
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => document.Set(Class("not a name", 1))).Id);
    }

    [Fact]
    public void The_file_is_kept_and_notices_others()
    {
        var folder = Directory.CreateTempSubdirectory("classes-").FullName;
        try
        {
            var path = Path.Combine(folder, "classes.json");
            var file = ManagementClassFile.Load(path);
            var stale = ManagementClassFile.Load(path);
            file.Save(file.Document.Set(Class("GOLD", 7)));
            Assert.Equal(7, ManagementClassFile.Load(path).Document.Find("gold")!.Retention.VersionsExist.Value);
            Assert.Equal(ErrorId.PolicyWriteFailed, Assert.Throws<ImageBackupException>(() => stale.Save(stale.Document.Set(Class("X", 1)))).Id);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(1, 23, false)]
    [InlineData(1, 24, true)]
    [InlineData(7, 167, false)]
    [InlineData(7, 168, true)]
    [InlineData(1, -5, true)]
    public void Frequency_is_days_since_the_last_image(int days, int hoursAgo, bool due)
    {
        var now = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        Assert.Equal(due, (Class("A", 1) with { FrequencyDays = days }).IsDue(now.AddHours(-hoursAgo), now));
        Assert.True((Class("A", 1) with { FrequencyDays = days }).IsDue(null, now));
    }

    [Theory]
    [InlineData("nolimit", null)]
    [InlineData("NOL", null)]
    [InlineData("0", 0)]
    [InlineData("9999", 9999)]
    public void Limits_read(string text, int? value)
    {
        Assert.True(RetentionLimit.TryParse(text, out var limit));
        Assert.Equal(value, limit.Value);
    }

    [Theory]
    [InlineData("no")]
    [InlineData("10000")]
    [InlineData("-1")]
    [InlineData("")]
    [InlineData(null)]
    public void Limits_refused(string? text) => Assert.False(RetentionLimit.TryParse(text, out _));

    private static ManagementClass Class(string name, int versions) =>
        new() { Name = name, Retention = new RetentionValues { VersionsExist = versions } };
}
