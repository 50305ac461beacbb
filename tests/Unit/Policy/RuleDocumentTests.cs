using System;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class RuleDocumentTests
{
    private static readonly RuleParseOptions s_linux = new() { IsWindows = false };

    [Fact]
    public void Reads_the_statements_of_the_manual()
    {
        var document = Parse("""
            * Volumes of this machine
            domain.image /fs1 /fs2
            DOMAIN.IM /fs3

            include.image /home MYMC imagegapsize=1m
              Include.Image /kalafs1 dynamicimage=yes
            include.image /linuxfs1 snapshotcachesize=100 snapshotproviderimage=linux_lvm
            include.image h: MYMC snapshotfsidlewait=500ms snapshotfsidler=3
            exclude.image /tmp*
            include.image /db "MYMC" presnapshotcmd="stop 'db' now" postsnapshotcmd='start "db"' serial=shrdynamic chang=2 imagety=snapshot
            IMAGEG 64
            snapshotprovideri NONE
            presnapshotcmd ""
            snapshotcachelocation "/var/lib/my cache"
            """);
        Assert.Equal(["/fs1", "/fs2", "/fs3"], document.Domain.Select(each => each.Text));
        Assert.Equal(["/db", "/tmp*", "h:", "/linuxfs1", "/kalafs1", "/home"], document.Rules.Select(rule => rule.Pattern.Text));

        var db = document.Rules[0];
        Assert.Equal(10, db.Line);
        Assert.Equal("MYMC", db.ManagementClass);
        Assert.Equal(new ImageOptions
        {
            PreSnapshotCommand = "stop 'db' now",
            PostSnapshotCommand = "start \"db\"",
            Serialization = SerializationMode.ShrDynamic,
            ChangingRetries = 2,
            ImageType = ImageType.Snapshot,
        }, db.Options);
        Assert.Equal(RuleKind.Exclude, document.Rules[1].Kind);
        Assert.Equal(TimeSpan.FromMilliseconds(500), document.Rules[2].Options.IdleWait);
        Assert.Equal(3, document.Rules[2].Options.IdleRetries);
        Assert.Equal("LINUX_LVM", document.Rules[3].Options.SnapshotProvider);
        Assert.Equal(100, document.Rules[3].Options.SnapshotCacheSizePercent);
        Assert.Null(document.Rules[3].ManagementClass);
        Assert.Equal(ImageType.Dynamic, document.Rules[4].Options.ImageType);
        Assert.Equal(GapSize.Parse("1m"), document.Rules[5].Options.GapSize);
        Assert.Equal(new ImageOptions
        {
            GapSize = GapSize.Parse("64"),
            SnapshotProvider = "NONE",
            PreSnapshotCommand = "",
            SnapshotCacheLocation = "/var/lib/my cache",
        }, document.ClientOptions);
    }

    [Fact]
    public void Of_a_client_wide_option_the_lowest_statement_counts() =>
        Assert.Equal(ImageType.Snapshot, Parse("imagetype static\nimagegapsize 1\nimagetype snapshot\n").ClientOptions.ImageType);

    [Theory]
    [InlineData("include.image", 1, 14)]
    [InlineData("\n  include.image   \n", 2, 16)]
    [InlineData("* c\n\ninclude.image /a[b", 3, 17)]
    [InlineData("include.image LABEL=a[b", 1, 22)]
    [InlineData("include.image LABEL=\"a[b\"", 1, 23)]
    [InlineData("include.image \"/a[z-a]\"", 1, 19)]
    [InlineData("include.image /a \"MYMC", 1, 18)]
    [InlineData("include.image /a \"MYMC\"x", 1, 24)]
    [InlineData("include.image /a my*mc", 1, 18)]
    [InlineData("include.image /a MYMC OTHER", 1, 23)]
    [InlineData("include.image /a imagetype=quick", 1, 28)]
    [InlineData("include.image /a imagetype=\"quick\"", 1, 29)]
    [InlineData("include.image /a imagetype=static imagetype=dynamic", 1, 35)]
    [InlineData("include.image /a imagetype=static dynamicimage=yes", 1, 35)]
    [InlineData("include.image /a colour=red", 1, 18)]
    [InlineData("include.image /a image=static", 1, 18)]
    [InlineData("include.image /a snapshotcachesize=0", 1, 36)]
    [InlineData("include.image /a snapshotcachesize=101", 1, 36)]
    [InlineData("include.image /a snapshotfsidlewait=1000", 1, 37)]
    [InlineData("include.image /a changingretries=100", 1, 34)]
    [InlineData("include.image /a imagegapsize=4294967296", 1, 31)]
    [InlineData("exclude.image /a MYMC", 1, 18)]
    [InlineData("domain.image", 1, 13)]
    [InlineData("domain.image /a /b[", 1, 19)]
    [InlineData("imagetype", 1, 10)]
    [InlineData("imagetype static dynamic", 1, 18)]
    [InlineData("imagetype quick", 1, 11)]
    [InlineData("include /home/.../*", 1, 1)]
    [InlineData("include.imag\tfoo\n   inklude.image /a", 2, 4)]
    [InlineData("# a comment of another kind", 1, 1)]
    [InlineData("servername a", 1, 1)]
    [InlineData("include.image /a\u0000b", 1, 17)]
    [InlineData("inclexcl /etc/other", 1, 1)]
    public void A_fault_has_file_line_and_column(string text, int line, int column)
    {
        var fault = Assert.Throws<RuleFileException>(() => Parse(text));
        Assert.Equal(("/etc/rules", line, column), (fault.Path, fault.Line, fault.Column));
        Assert.StartsWith($"/etc/rules({line},{column}): ", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_faults_are_told_at_once()
    {
        var fault = Assert.Throws<RuleFileException>(() => Parse("include.image\ninclude.image /a\nexclude.image\nfoo\n"));
        Assert.Equal([1, 3, 4], fault.Faults.Select(each => each.Line));
        Assert.Contains("(2 more)", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_many_faults_are_cut_off() =>
        Assert.Equal(100, Assert.Throws<RuleFileException>(() => Parse(string.Concat(Enumerable.Repeat("foo\n", 1000)))).Faults.Count);

    [Fact]
    public void No_option_name_is_another_ones_abbreviation()
    {
        foreach (var one in OptionKeyword.All)
        {
            for (var length = one.ShortestLength; length <= one.Name.Length; length++)
                Assert.Single(OptionKeyword.All, other => other.Matches(one.Name[..length]));
        }
    }

    [Fact]
    public void The_repositorys_list_may_not_run_commands()
    {
        var enforced = s_linux with { IsEnforced = true };
        Assert.Throws<RuleFileException>(() => RuleDocument.Parse("include.image /a presnapshotcmd=evil", "repository", enforced));
        Assert.Throws<RuleFileException>(() => RuleDocument.Parse("postsnapshotcmd evil", "repository", enforced));
        var rule = RuleDocument.Parse("include.image /a presnapshotcmd=\"\"", "repository", enforced).Rules.Single();
        Assert.True(rule.IsEnforced);
        Assert.Equal("", rule.Options.PreSnapshotCommand);
    }

    [Fact]
    public void Any_text_gives_a_document_or_the_documented_exception()
    {
        var word = Gen.OneOf(
            Gen.OneOf("include.image", "EXCLUDE.IMAGE", "domain.im", "imagetype", "static", "imagegapsize=", "=", "\"", "'", "*", "[", "\\",
                " ", "\t", "\n", "\r\n", "\r", "/a", "presnapshotcmd=\"", "servername", "inclexcl", "\u0000", "é", "\ud800"),
            Gen.String[0, 6]);
        Gen.Select(word.Array[0, 20].Select(string.Concat), Gen.Bool).Sample((text, isOptionsFile) =>
        {
            try
            {
                var document = RuleDocument.Parse(text, "x", s_linux with { Dialect = isOptionsFile ? RuleDialect.OptionsFile : RuleDialect.RuleList });
                Assert.Equal(text, document.ToString());
            }
            catch (RuleFileException)
            {
                // The documented one.
            }
        }, iter: 50_000);
    }

    [Fact]
    public void Bytes_read_and_written_again_are_the_same()
    {
        var bytes = Gen.OneOf(
            Gen.Byte.Array[0, 40],
            Gen.String[0, 20].Select(System.Text.Encoding.UTF8.GetBytes),
            Gen.String[0, 20].Select(text => (byte[])[0xEF, 0xBB, 0xBF, .. System.Text.Encoding.UTF8.GetBytes(text)]),
            Gen.String[0, 20].Select(text => (byte[])[0xFF, 0xFE, .. System.Text.Encoding.Unicode.GetBytes(text)]),
            Gen.String[0, 20].Select(text => (byte[])[0xFE, 0xFF, .. System.Text.Encoding.BigEndianUnicode.GetBytes(text)]));
        bytes.Sample(each => Assert.Equal(each, RuleText.Decode(each, "x").Encode()), iter: 20_000);
    }

    [Fact]
    public void Utf16_and_marked_utf8_read_as_text()
    {
        foreach (var encoding in new System.Text.Encoding[] { System.Text.Encoding.Unicode, System.Text.Encoding.BigEndianUnicode, System.Text.Encoding.UTF8 })
        {
            byte[] bytes = [.. encoding.GetPreamble(), .. encoding.GetBytes("include.image /größe\r\n")];
            var text = RuleText.Decode(bytes, "x");
            Assert.Equal("/größe", RuleDocument.Parse(text, "x", s_linux).Rules.Single().Pattern.Text);
            var edited = RuleDocument.Parse(text, "x", s_linux).Set(new RuleSpecification { Kind = RuleKind.Exclude, Pattern = "/b" });
            Assert.Equal([.. encoding.GetPreamble(), .. encoding.GetBytes("include.image /größe\r\nexclude.image /b\r\n")], edited.Text.Encode());
        }
    }

    private static RuleDocument Parse(string text) => RuleDocument.Parse(text, "/etc/rules", s_linux);
}
