using System;
using System.Collections.Generic;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class RuleDocumentEditTests
{
    private static readonly RuleParseOptions s_linux = new() { IsWindows = false };

    private const string List = """
        * The volumes of this machine

        domain.image   /a /b
        * about b
        INCLUDE.IMAGE  /b   GOLD    imagetype=static
        exclude.image /c

        * about a
            include.image /a
        * the end

        """;

    [Fact]
    public void A_rule_changes_in_its_place() =>
        Assert.Equal(List.Replace("INCLUDE.IMAGE  /b   GOLD    imagetype=static", "include.image /b SILVER imagegapsize=64k"),
            Parse(List).Set(Include("/b") with { ManagementClass = "SILVER", Options = new ImageOptions { GapSize = GapSize.Parse("64") } }).ToString());

    [Fact]
    public void The_indent_stays() =>
        Assert.Equal(List.Replace("    include.image /a", "    exclude.image /a"), Parse(List).Set(Exclude("/a")).ToString());

    [Fact]
    public void A_rule_that_says_so_already_keeps_its_spelling()
    {
        var document = Parse(List);
        Assert.Same(document, document.Set(Include("/b") with { ManagementClass = "gold", Options = new ImageOptions { ImageType = ImageType.Static } }));
    }

    [Fact]
    public void A_new_rule_is_evaluated_first()
    {
        var document = Parse(List).Set(Exclude("/new"));
        Assert.Equal(List + "exclude.image /new\n", document.ToString());
        Assert.Equal(["/new", "/a", "/c", "/b"], Patterns(document));
    }

    [Fact]
    public void First_is_below_all_others_and_last_above_them()
    {
        Assert.Equal(["/b", "/a", "/c"], Patterns(Parse(List).Set(Include("/b"), RulePosition.First)));
        Assert.Equal(["/c", "/b", "/a"], Patterns(Parse(List).Set(Include("/a"), RulePosition.Last)));
        Assert.Equal(["/a", "/c", "/b", "/new"], Patterns(Parse(List).Set(Include("/new"), RulePosition.Last)));
    }

    [Fact]
    public void Last_goes_above_the_comment_about_the_rule_but_not_above_the_files()
    {
        Assert.Equal(List.Replace("* about b", "include.image /new\n* about b"), Parse(List).Set(Include("/new"), RulePosition.Last).ToString());
        Assert.Equal("* head\ninclude.image /new\ninclude.image /a\n",
            Parse("* head\ninclude.image /a\n").Set(Include("/new"), RulePosition.Last).ToString());
    }

    [Fact]
    public void Before_and_after_are_in_the_order_of_evaluation()
    {
        Assert.Equal(["/a", "/new", "/c", "/b"], Patterns(Parse(List).Set(Include("/new"), RulePosition.Before("/c"))));
        Assert.Equal(["/a", "/c", "/new", "/b"], Patterns(Parse(List).Set(Include("/new"), RulePosition.After("/c"))));
        Assert.Equal(["/c", "/b", "/a"], Patterns(Parse(List).Set(Include("/a"), RulePosition.After("/b"))));
    }

    [Fact]
    public void A_rule_that_moves_keeps_its_spelling() =>
        Assert.Equal("exclude.image /c\n INCLUDE.IMAGE   /b\n",
            Parse(" INCLUDE.IMAGE   /b\nexclude.image /c\n").Set(Include("/b"), RulePosition.First).ToString());

    [Fact]
    public void Unreachable_rules_of_the_same_pattern_go_when_it_is_set() =>
        Assert.Equal("* x\nexclude.image /b\ninclude.image /a/ GOLD\n",
            Parse("include.image /a\n* x\nexclude.image /a\nexclude.image /b\ninclude.image /a/\n")
                .Set(Include("/a/") with { ManagementClass = "GOLD" }).ToString());

    [Fact]
    public void On_Windows_the_same_pattern_is_the_same_in_any_case() =>
        Assert.Equal("exclude.image d:\\\r\n",
            RuleDocument.Parse("include.image D:\r\n", "x", new RuleParseOptions { IsWindows = true }).Set(Exclude("d:\\")).ToString());

    [Fact]
    public void Removing_takes_every_rule_of_the_pattern_and_no_comment()
    {
        Assert.Equal("* x\n", Parse("include.image /a\n* x\nexclude.image /a\n").Remove("/a").ToString());
        Assert.Equal(ErrorId.RuleNotFound, Assert.Throws<ImageBackupException>(() => Parse(List).Remove("/nowhere")).Id);
    }

    [Fact]
    public void Line_ends_are_the_files_and_a_missing_last_one_is_made() =>
        Assert.Equal("include.image /a\r\nexclude.image /b\r\n", Parse("include.image /a\r\nexclude.image /c").Set(Exclude("/b")).Remove("/c").ToString());

    [Fact]
    public void Faulty_edits_are_refused()
    {
        var document = Parse(List);
        void Refused(ErrorId id, Action edit) => Assert.Equal(id, Assert.Throws<ImageBackupException>(edit).Id);
        Refused(ErrorId.RuleNotFound, () => document.Set(Include("/x"), RulePosition.Before("/nowhere")));
        Refused(ErrorId.ParameterInvalid, () => document.Set(Include("/x"), RulePosition.Before("/x")));
        Refused(ErrorId.ParameterInvalid, () => document.Set(Include("/x[")));
        Refused(ErrorId.ParameterInvalid, () => document.Set(Include("")));
        Refused(ErrorId.ParameterInvalid, () => document.Set(Include("/x\nexclude.image *")));
        Refused(ErrorId.ParameterInvalid, () => document.Set(Include("/x") with { ManagementClass = "a b" }));
        Refused(ErrorId.ParameterInvalid, () => document.Set(Exclude("/x") with { ManagementClass = "GOLD" }));
        Refused(ErrorId.ParameterInvalid, () => document.Set(Include("/x") with { Options = new ImageOptions { ChangingRetries = 100 } }));
        Refused(ErrorId.ParameterInvalid, () => document.Set(Include("/x") with { Options = new ImageOptions { IdleWait = TimeSpan.FromSeconds(1.5) } }));
        Refused(ErrorId.ParameterInvalid, () => document.Set(Include("/x") with { Options = new ImageOptions { PreSnapshotCommand = "a 'b' \"c\"" } }));
        Refused(ErrorId.ParameterInvalid, () => document.Set(Include("/x") with { Options = new ImageOptions { PreSnapshotCommand = "a\nexclude.image *" } }));
    }

    [Fact]
    public void The_domain_is_one_statement()
    {
        Assert.Equal(List.Replace("domain.image   /a /b", "domain.image /a \"/with blank\""), Parse(List).SetDomain(["/a", "/with blank"]).ToString());
        Assert.Equal("domain.image /x\ninclude.image /a\n", Parse("domain.image /a\ninclude.image /a\ndomain.image /b\n").SetDomain([]).SetDomain(["/x"]).ToString());
    }

    [Fact]
    public void Client_wide_options_change_where_they_stand()
    {
        var document = Parse("* mine\nimagetype static\ndynamicimage yes\nIMAGEG 32\n");
        var wanted = new ImageOptions { ImageType = ImageType.Snapshot, SnapshotCacheSizePercent = 20, PostSnapshotCommand = "" };
        var edited = document.SetClientOptions(wanted);
        Assert.Equal(wanted, edited.ClientOptions);
        Assert.Equal("* mine\nimagetype snapshot\nsnapshotcachesize 20\npostsnapshotcmd \"\"\n", edited.ToString());
    }

    [Fact]
    public void An_edit_leaves_every_other_line_alone_and_says_what_was_asked()
    {
        var lines = Gen.OneOf("* comment", "", "  ", "\t* other", "include.image /a", "exclude.image   /b", "INCLUDE.IM \"/c\" GOLD imagety=static",
            "  exclude.image /d*", "include.image /a serialization=dynamic", "imagetype static", "domain.image /a", "include.image '/e f'");
        var texts = Gen.Select(lines.Array[0, 12], Gen.OneOf("\n", "\r\n"), Gen.Bool)
            .Select((each, end, ends) => string.Join(end, each) + (ends && each.Length > 0 ? end : ""));
        var options = Gen.Select(Gen.Int[0, 3], Gen.Long[0, GapSize.MaximumKibibytes], Gen.Int[0, 99], Gen.OneOf("", "stop", "stop \"db\" now", "it's", "a=b", "a=\"b", "'", "* x"))
            .Select((type, gap, retries, command) => new ImageOptions
            {
                ImageType = type == 3 ? null : (ImageType)type,
                GapSize = gap % 3 == 0 ? null : GapSize.FromKibibytes(gap),
                ChangingRetries = retries % 2 == 0 ? null : retries,
                PreSnapshotCommand = command.Length == 0 && type == 0 ? null : command,
                Serialization = retries % 3 == 0 ? null : (SerializationMode)(retries % 4),
                IdleWait = retries % 5 == 0 ? null : TimeSpan.FromMilliseconds(retries * 7),
            });
        var patterns = Gen.OneOf("/a", "/b/", "/c", "/d*", "/e f", "/g", "LABEL=my data", "'q", "a=\"b");
        var positions = Gen.OneOf<RulePosition?>(null, RulePosition.First, RulePosition.Last, RulePosition.Before("/a"), RulePosition.After("/b"));
        Gen.Select(texts, patterns, options, Gen.Bool, positions).Sample((text, pattern, imageOptions, include, position) =>
        {
            var before = Parse(text);
            var rule = new RuleSpecification
            {
                Kind = include ? RuleKind.Include : RuleKind.Exclude,
                Pattern = pattern,
                ManagementClass = include && pattern.Length % 2 == 0 ? "GOLD" : null,
                Options = include ? imageOptions : ImageOptions.Empty,
            };
            RuleDocument after;
            try
            {
                after = before.Set(rule, position);
            }
            catch (ImageBackupException e) when (e.Id is ErrorId.RuleNotFound or ErrorId.ParameterInvalid && position?.Pattern is not null)
            {
                return;
            }

            Assert.Equal(after.ToString(), Parse(after.ToString()).ToString());
            var set = Assert.Single(after.Rules, each => each.Pattern.Key == Key(pattern));
            Assert.Equal((rule.Kind, rule.ManagementClass, rule.Options), (set.Kind, set.ManagementClass, set.Options));
            Assert.Equal(OtherLines(before, pattern), OtherLines(after, pattern));
            Assert.Equal(before.Domain.Select(each => each.Text), after.Domain.Select(each => each.Text));
            Assert.Equal(before.ClientOptions, after.ClientOptions);
            var index = after.Rules.ToList().IndexOf(set);
            if (position == RulePosition.First || (position is null && before.Find(pattern) is null))
                Assert.Equal(0, index);
            if (position == RulePosition.Last)
                Assert.Equal(after.Rules.Count - 1, index);
            if (position == RulePosition.Before("/a"))
                Assert.Equal(Key("/a"), after.Rules[index + 1].Pattern.Key);
            if (position == RulePosition.After("/b"))
                Assert.Equal(Key("/b"), after.Rules[index - 1].Pattern.Key);
            Assert.DoesNotContain(after.Remove(pattern).Rules, each => each.Pattern.Key == Key(pattern));
        }, iter: 20_000);
    }

    private static List<string> OtherLines(RuleDocument document, string pattern)
    {
        var lines = document.ToString().Replace("\r\n", "\n").Split('\n').ToList();
        foreach (var rule in document.Rules.Where(each => each.Pattern.Key == Key(pattern)).OrderByDescending(each => each.Line))
            lines.RemoveAt(rule.Line - 1);
        while (lines.Count > 0 && lines[^1].Trim().Length == 0)
            lines.RemoveAt(lines.Count - 1);
        return lines;
    }

    private static string Key(string pattern) => VolumePattern.TryParse(pattern, false, out _, out _)!.Key;

    private static IEnumerable<string> Patterns(RuleDocument document) => document.Rules.Select(rule => rule.Pattern.Text);

    private static RuleSpecification Include(string pattern) => new() { Kind = RuleKind.Include, Pattern = pattern };

    private static RuleSpecification Exclude(string pattern) => new() { Kind = RuleKind.Exclude, Pattern = pattern };

    private static RuleDocument Parse(string text) => RuleDocument.Parse(text, "/etc/rules", s_linux);
}
