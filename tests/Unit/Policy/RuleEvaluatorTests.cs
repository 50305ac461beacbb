using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Rules;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class RuleEvaluatorTests(ITestOutputHelper output)
{
    // Cases from the manual's rules: from the bottom up, the first match wins, no match is included, the server's
    // statements come first whatever the client's say.
    [Theory]
    [InlineData("", "", "/home", true, null, 0)]
    [InlineData("exclude.image /home", "", "/home", false, null, 1)]
    [InlineData("exclude.image /home", "", "/var", true, null, 0)]
    [InlineData("exclude.image /*\ninclude.image /home GOLD", "", "/home", true, "GOLD", 2)]
    [InlineData("exclude.image /*\ninclude.image /home GOLD", "", "/var", false, null, 1)]
    [InlineData("include.image /home GOLD\nexclude.image /*", "", "/home", false, null, 2)]
    [InlineData("include.image /home GOLD\ninclude.image /home SILVER", "", "/home", true, "SILVER", 2)]
    [InlineData("include.image * GOLD\ninclude.image /mnt/... SILVER\nexclude.image /mnt/scratch", "", "/mnt/a/b", true, "SILVER", 2)]
    [InlineData("include.image * GOLD\ninclude.image /mnt/... SILVER\nexclude.image /mnt/scratch", "", "/mnt/scratch", false, null, 3)]
    [InlineData("include.image * GOLD\ninclude.image /mnt/... SILVER\nexclude.image /mnt/scratch", "", "/x/y", true, "GOLD", 1)]
    [InlineData("include.image /home GOLD", "exclude.image /home", "/home", false, null, 1)]
    [InlineData("exclude.image *", "include.image /home GOLD", "/home", true, "GOLD", 1)]
    [InlineData("exclude.image *", "include.image /home GOLD", "/var", false, null, 1)]
    [InlineData("exclude.image /home", "include.image /home\nexclude.image /var", "/home", true, null, 1)]
    public void Decides_as_the_original(string machine, string enforced, string name, bool included, string? managementClass, int line)
    {
        var decision = Evaluator(machine, enforced, false).Evaluate(new VolumeNames([name], false));
        Assert.Equal((included, managementClass, line), (decision.IsIncluded, decision.ManagementClass, decision.Line ?? 0));
    }

    [Fact]
    public void Any_of_a_volumes_names_may_hit()
    {
        var names = VolumeNames.Of(["/dev/sda1", "/srv", null, "/dev/disk/by-id/x"], "Data", "1234-ABCD", null, isWindows: false);
        Assert.Equal(["/dev/sda1", "/srv", "/dev/disk/by-id/x", "LABEL=Data", "UUID=1234-ABCD"], names.Names);
        Assert.Equal("/srv", Evaluator("exclude.image /s*", "", false).Evaluate(names).MatchedName);
        Assert.Equal("LABEL=Data", Evaluator("exclude.image LABEL=D*", "", false).Evaluate(names).MatchedName);
        Assert.Equal("UUID=1234-ABCD", Evaluator("exclude.image UUID=1234-*", "", false).Evaluate(names).MatchedName);

        // The lower rule wins, whichever name it matches.
        Assert.Equal(2, Evaluator("exclude.image /dev/sda1\ninclude.image UUID=*", "", false).Evaluate(names).Line);
    }

    [Fact]
    public void A_label_does_not_answer_to_a_path() =>
        Assert.Null(Evaluator("exclude.image /home", "", false).Evaluate(VolumeNames.Of(["/dev/sdb1"], "/home", null, null, false)).Rule);

    [Fact]
    public void On_Windows_case_does_not_count()
    {
        var names = VolumeNames.Of(["D:", "\\\\?\\Volume{1F}\\", "C:\\mnt\\Data\\"], null, null, null, isWindows: true);
        Assert.Equal(1, Evaluator("exclude.image d", "", true).Evaluate(names).Line);
        Assert.Equal(1, Evaluator("exclude.image \\\\?\\VOLUME{1f}", "", true).Evaluate(names).Line);
        Assert.Equal(1, Evaluator("exclude.image c:\\MNT\\*", "", true).Evaluate(names).Line);
        Assert.Null(Evaluator("exclude.image e:", "", true).Evaluate(names).Rule);
    }

    [Fact]
    public void Equals_a_plain_scan_from_the_bottom_up()
    {
        var part = Gen.OneOf("/a", "/b", "/ab", "/*", "/?", "/a*", "/[ab]", "/...", "b", "a", "*");
        var pattern = part.Array[1, 4].Select(string.Concat);
        var name = Gen.OneOf("/a", "/b", "/ab", "/aa", "/c", "a", "LABEL=a", "LABEL=/b").Array[1, 4].Select(string.Concat);
        var statement = Gen.Select(pattern, Gen.Bool).Select((each, include) => (include ? "include.image " : "exclude.image ") + each);
        Gen.Select(statement.Array[0, 12], statement.Array[0, 4], name.Array[1, 4], Gen.Bool).Sample((machine, enforced, names, isWindows) =>
        {
            var options = new RuleParseOptions { IsWindows = isWindows };
            var all = machine.Concat(enforced).Select((text, index) => (Text: text, Index: index)).Reverse()
                .Select(each => (each.Index, Rule: RuleDocument.Parse(each.Text, "x", options).Rules.Single()));
            var expected = all.Select(each => ((int Index, ImageRule Rule)?)each)
                .FirstOrDefault(each => names.Any(candidate => each!.Value.Rule.Pattern.IsMatch(candidate)));

            var decision = Evaluator(string.Join("\n", machine), string.Join("\n", enforced), isWindows).Evaluate(new VolumeNames(names, isWindows));
            if (expected is not { } found)
            {
                Assert.Null(decision.Rule);
                return;
            }

            var index = decision.Rule!.IsEnforced ? machine.Length + decision.Line - 1 : decision.Line - 1;
            Assert.Equal(found.Index, index);
            Assert.Equal(names.First(candidate => found.Rule.Pattern.IsMatch(candidate)), decision.MatchedName);
        }, iter: 20_000);
    }

    [Fact]
    public void A_class_that_does_not_exist_stops_everything()
    {
        var rules = RuleDocument.Parse("include.image /a\ninclude.image /b NOWHERE", "/etc/rules", Options(false, false));
        var classes = new ManagementClassCatalog(ManagementClassDocument.Empty);
        var fault = Assert.Throws<ImageBackupException>(() => new ImagePolicy(rules, null, classes));
        Assert.Equal(ErrorId.ManagementClassNotFound, fault.Id);
        Assert.StartsWith("/etc/rules(2): ", fault.Message, StringComparison.Ordinal);
        Assert.Equal("NOWHERE", fault.Target);
        Assert.Throws<ImageBackupException>(() => new ImagePolicy(RuleDocument.Empty("x", Options(false, false)), rules, classes));
    }

    [Fact]
    public void Time_for_ten_thousand_rules_and_two_thousand_volumes_is_told()
    {
        var volumes = Enumerable.Range(0, 2000)
            .Select(i => VolumeNames.Of([$"/dev/mapper/vg{i % 50}-lv{i}", $"/srv/vol{i}", $"/dev/disk/by-id/dm-name-{i}"], $"data{i}", $"0000-{i:x4}", null, false))
            .ToList();
        Tell("literal patterns", i => $"/srv/vol{i * 7}", volumes);
        Tell("mixed patterns", i => (i % 4) switch { 0 => $"/srv/vol{i}", 1 => $"/srv/vol{i}?x", 2 => $"/dev/mapper/vg{i}-*y", _ => $"LABEL=data{i}[xyz]" }, volumes);
        Tell("wildcards of one beginning, none matching", i => $"/srv/vol*q{i}", volumes);
        Tell("wildcards at both ends, none matching", i => $"*q{i}*", volumes);
    }

    private void Tell(string what, Func<int, string> pattern, List<VolumeNames> volumes)
    {
        var text = string.Concat(Enumerable.Range(0, 10_000).Select(i => $"include.image {pattern(i)}\n"));
        var watch = Stopwatch.StartNew();
        var evaluator = Evaluator(text, "", false);
        var read = watch.Elapsed;
        var hits = volumes.Count(volume => evaluator.Evaluate(volume).Rule is not null);
        output.WriteLine($"{what}: read and indexed {read.TotalMilliseconds:0} ms, evaluated {(watch.Elapsed - read).TotalMilliseconds:0} ms, {hits} volumes hit a rule");
        Assert.Equal(10_000, evaluator.Rules.Count);
    }

    private static RuleEvaluator Evaluator(string machine, string enforced, bool isWindows) =>
        new(RuleDocument.Parse(machine, "machine", Options(isWindows, false)),
            enforced.Length == 0 ? null : RuleDocument.Parse(enforced, "repository", Options(isWindows, true)));

    private static RuleParseOptions Options(bool isWindows, bool isEnforced) => new() { IsWindows = isWindows, IsEnforced = isEnforced };
}
