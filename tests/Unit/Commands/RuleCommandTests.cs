using System;
using System.IO;
using System.Linq;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>The cmdlets that keep the rule list, on files.</summary>
[Collection(CommandTests.Name)]
public sealed class RuleCommandTests(RepositoryFixture fixture) : IDisposable
{
    private readonly PolicySession _session = new(fixture);

    public void Dispose() => _session.Dispose();

    [Fact]
    public void A_rule_is_written_in_the_originals_syntax()
    {
        _session.Run("$null = Set-ManagementClass GOLD").WithoutErrors();
        RuleInfo rule = _session.Run("Set-IncludeImage /dev/vg/* -ManagementClass gold -ImageType Snapshot -GapSize 64KB -SnapshotProvider lvm -SnapshotCacheSize 20 "
            + "-SnapshotCacheLocation '/srv/a b' -IdleWait 500ms -IdleRetries 3 -PreSnapshotCommand 'sync now' -PostSnapshotCommand '' -Serialization ShrDynamic "
            + "-ChangingRetries 2 -PassThru").WithoutErrors().Single<RuleInfo>();
        Assert.Equal("include.image /dev/vg/* gold imagetype=snapshot imagegapsize=64k snapshotproviderimage=LVM snapshotcachesize=20 snapshotcachelocation=\"/srv/a b\" "
            + "snapshotfsidlewait=500ms snapshotfsidleretries=3 presnapshotcmd=\"sync now\" postsnapshotcmd=\"\" serialization=shrdynamic changingretries=2", _session.Rules.Trim());
        Assert.Equal((1, RuleKind.Include, "/dev/vg/*", "gold", ImageType.Snapshot, "64k", "LVM"),
            (rule.Order, rule.Kind, rule.Volume, rule.ManagementClass, rule.ImageType, rule.GapSize, rule.SnapshotProvider));
        Assert.Equal((20, "/srv/a b", TimeSpan.FromMilliseconds(500), 3, "sync now", "", SerializationMode.ShrDynamic, 2),
            (rule.SnapshotCacheSize, rule.SnapshotCacheLocation, rule.IdleWait, rule.IdleRetries, rule.PreSnapshotCommand, rule.PostSnapshotCommand, rule.Serialization, rule.ChangingRetries));
        Assert.Equal((_session.RulePath, 1, _session.Rules.Trim(), false), (rule.RulePath, rule.Line, rule.Text, rule.Enforced));
    }

    [Fact]
    public void Setting_the_same_pattern_again_changes_the_rule()
    {
        _session.Run("Set-IncludeImage /srv -ImageType Static -GapSize 0; Set-IncludeImage /home; Set-IncludeImage /srv/ -GapSize 1m -IdleRetries 5").WithoutErrors();
        Assert.Equal(["include.image /srv imagetype=static imagegapsize=1m snapshotfsidleretries=5", "include.image /home"], Lines());
        _session.Run("Set-IncludeImage /srv -ImageType $null -GapSize $null").WithoutErrors();
        Assert.Equal(["include.image /srv snapshotfsidleretries=5", "include.image /home"], Lines());
        _session.Run("Set-ExcludeImage /srv").WithoutErrors();
        Assert.Equal(["exclude.image /srv", "include.image /home"], Lines());
        _session.Run("Set-IncludeImage /srv").WithoutErrors();
        Assert.Equal(["include.image /srv", "include.image /home"], Lines());
    }

    [Fact]
    public void A_new_rule_stands_where_it_is_wanted()
    {
        _session.Rules = "* mine\ninclude.image /a\n* about b\ninclude.image /b\n";
        _session.Run("Set-ExcludeImage /first; Set-ExcludeImage /last -Last; Set-ExcludeImage /before -Before /b; Set-ExcludeImage /after -After /b").WithoutErrors();
        Assert.Equal(["* mine", "exclude.image /last", "include.image /a", "exclude.image /after", "* about b", "include.image /b", "exclude.image /before", "exclude.image /first"], Lines());
        _session.Run("Set-ExcludeImage /last -First").WithoutErrors();
        Assert.Equal("exclude.image /last", Lines().Last());
        RuleInfo[] rules = [.. _session.Run("Get-IncludeImage").WithoutErrors().Output.Select(each => (RuleInfo)each.BaseObject)];
        Assert.Equal(["/last", "/first", "/before", "/b", "/after", "/a"], rules.Select(each => each.Volume));
        Assert.Equal(Enumerable.Range(1, 6), rules.Select(each => each.Order));
        Assert.Equal("RuleNotFound", _session.Run("Set-ExcludeImage /x -Before /nope").ErrorId);
        Assert.Equal("AmbiguousParameterSet", _session.Run("Set-ExcludeImage /x -First -Last").ErrorId);
    }

    [Fact]
    public void Rules_go_by_pattern_or_by_the_pipeline_and_comments_stay()
    {
        _session.Rules = "* mine\r\ninclude.image /a*\r\n\r\nexclude.image [b]\r\ninclude.image /c\r\n";
        _session.Run("Remove-IncludeImage '[b]'").WithoutErrors();
        Assert.Equal("* mine\r\ninclude.image /a*\r\n\r\ninclude.image /c\r\n", _session.Rules);
        _session.Run("$global:PSDefaultParameterValues.Clear(); Get-IncludeImage -RulePath $rules | Remove-IncludeImage").WithoutErrors();
        Assert.Equal("* mine\r\n\r\n", _session.Rules);
        ShellResult absent = _session.Run("Remove-IncludeImage /a, /b -RulePath $rules");
        Assert.Equal(["RuleNotFound", "RuleNotFound"], absent.Ids);
    }

    [Fact]
    public void WhatIf_writes_nothing_and_what_says_so_already_is_left_alone()
    {
        _session.Rules = "  include.image   /a   GapSize=4k\n".Replace("GapSize", "IMAGEGapsize");
        string before = _session.Rules;
        DateTime time = File.GetLastWriteTimeUtc(_session.RulePath);
        _session.Run("Set-IncludeImage /b -WhatIf; Remove-IncludeImage /a -WhatIf; Set-ExcludeImage /a -WhatIf; Set-ImageDomain /a -WhatIf; Set-ManagementClass X -WhatIf").WithoutErrors();
        ShellResult same = _session.Run("Set-IncludeImage /a -GapSize 4 -Verbose -PassThru").WithoutErrors();
        Assert.Contains(same.Verbose, line => line.Contains("says so already", StringComparison.Ordinal));
        Assert.Equal("4k", same.Single<RuleInfo>().GapSize);
        Assert.Equal((before, time), (_session.Rules, File.GetLastWriteTimeUtc(_session.RulePath)));
    }

    [Fact]
    public void A_volume_object_gives_the_pattern_that_matches_it_alone()
    {
        string odd = fixture.NewVolume("odd [1]*.img", seed: 3);
        _session.Run("[System.IO.FileInfo]$odd | Set-ExcludeImage; Get-ImageVolume $volume | Set-IncludeImage", ("odd", odd)).WithoutErrors();
        Assert.Equal([$"exclude.image \"{fixture.PathOf("odd [[]1][*].img")}\"", $"include.image {fixture.VolumeFile}"], Lines());
        Assert.False(_session.Run("Test-IncludeImage ([System.IO.FileInfo]$odd)").WithoutErrors().Single<RuleTest>().IsIncluded);
    }

    [Theory]
    [InlineData("Set-IncludeImage /a -ManagementClass NOPE", "ManagementClassNotFound")]
    [InlineData("Set-IncludeImage '[' ", "ParameterInvalid")]
    [InlineData("Set-IncludeImage /a -GapSize 5x", "ParameterInvalid")]
    [InlineData("Set-IncludeImage /a -IdleWait 1000", "ParameterInvalid")]
    [InlineData("Set-IncludeImage /a -SnapshotCacheSize 0", "ParameterInvalid")]
    [InlineData("Set-IncludeImage /a -SnapshotProvider 'a b'", "ParameterInvalid")]
    [InlineData("Set-IncludeImage ([pscustomobject]@{ Colour = 'red' })", "ParameterInvalid")]
    [InlineData("Set-IncludeImage /a -RulePath ($rules + '/x')", "PolicyWriteFailed")]
    [InlineData("Set-IncludeImage /a -RulePath ($rules + '/../x.opt')", "NotSupported")]
    [InlineData("Set-IncludeImage /a -Enforced", "RepositoryNotConnected")]
    [InlineData("Get-IncludeImage -RulePath ($rules + '.absent')", "PolicyReadFailed")]
    [InlineData("Get-IncludeImage /absent", "RuleNotFound")]
    [InlineData("Test-IncludeImage ''", "ParameterInvalid")]
    public void What_cannot_be_is_told_and_changes_nothing(string command, string id)
    {
        _session.Rules = "include.image /x\n";
        Assert.Equal(id, _session.Run(command).ErrorId);
        Assert.Equal("include.image /x\n", _session.Rules);
    }

    [Fact]
    public void A_faulty_list_is_told_with_file_line_and_column_and_never_written()
    {
        _session.Rules = "include.image /x\n\n  include.image /y nopt=1\n";
        foreach (string command in new[] { "Get-IncludeImage", "Set-IncludeImage /z", "Remove-IncludeImage /x", "Test-IncludeImage /x", "Get-ImageDomain", "Set-ImageDomain /x" })
        {
            ShellResult result = _session.Run(command);
            Assert.Equal("RuleInvalid", result.ErrorId);
            Assert.Contains($"{_session.RulePath}(3,20): There is no option 'nopt'.", result.Errors[0].ToString(), StringComparison.Ordinal);
        }
        Assert.Equal("include.image /x\n\n  include.image /y nopt=1\n", _session.Rules);
    }

    [Fact]
    public void The_rule_hit_and_what_follows()
    {
        _session.Run("Set-ManagementClass GOLD -ImageType Dynamic -ChangingRetries 9").WithoutErrors();
        string pattern = Path.Combine(fixture.Directory, "*.img");
        _session.Rules = $"* first\ninclude.image {pattern} GOLD imagegapsize=1m\nexclude.image /.../nope\n";
        RuleTest hit = _session.Run("Test-IncludeImage $volume").WithoutErrors().Single<RuleTest>();
        Assert.Equal((fixture.VolumeFile, true, true, $"include.image {pattern} GOLD imagegapsize=1m", 2), (hit.Volume, hit.IsFound, hit.IsIncluded, hit.Rule, hit.Line));
        Assert.Equal((_session.RulePath, pattern, fixture.VolumeFile, "GOLD", ImageType.Dynamic), (hit.Path, hit.Pattern, hit.MatchedName, hit.ManagementClass, hit.ImageType));
        Assert.Contains(hit.Options, option => option is { Name: "ChangingRetries", Value: "9", Source: OptionSource.ManagementClass, Where: "GOLD" });
        Assert.Contains(hit.Options, option => option is { Name: "GapSize", Value: "1m", Source: OptionSource.Rule });
        Assert.Contains(fixture.VolumeFile, hit.Names);

        ShellResult absent = _session.Run("'/srv/nope', '/elsewhere' | Test-IncludeImage").WithoutErrors();
        RuleTest[] tests = [.. absent.Output.Select(each => (RuleTest)each.BaseObject)];
        Assert.Equal([(false, false, 3), (false, true, (int?)null)], tests.Select(each => (each.IsFound, each.IsIncluded, each.Line)));
        Assert.Equal((null, null, "STANDARD", ImageType.Static), (tests[0].ManagementClass, tests[0].ImageType, tests[1].ManagementClass, tests[1].ImageType));
        Assert.Equal(2, absent.Warnings.Count);
    }

    [Fact]
    public void The_domain_is_set_added_to_and_emptied()
    {
        _session.Rules = "* mine\ninclude.image /a\n";
        ShellResult set = _session.Run("'/b', 'LABEL=My Data' | Set-ImageDomain -PassThru").WithoutErrors();
        Assert.Equal(["/b", "LABEL=My Data"], set.Output.Select(each => ((DomainEntry)each.BaseObject).Volume));
        Assert.Contains("domain.image /b \"LABEL=My Data\"", Lines());
        _session.Run("Set-ImageDomain /c, /b -Append").WithoutErrors();
        DomainEntry[] entries = [.. _session.Run("Get-ImageDomain").WithoutErrors().Output.Select(each => (DomainEntry)each.BaseObject)];
        Assert.Equal(["/b", "LABEL=My Data", "/c"], entries.Select(each => each.Volume));
        Assert.All(entries, each => Assert.Equal((_session.RulePath, 2, false), (each.RulePath, each.Line, each.Enforced)));
        _session.Run("Set-ImageDomain @()").WithoutErrors();
        Assert.Equal("* mine\ninclude.image /a\n", _session.Rules);
    }

    [Fact]
    public void An_options_file_of_the_originals_is_read_with_a_word_about_what_is_passed_over()
    {
        string options = fixture.PathOf($"{Guid.NewGuid():N}.opt");
        File.WriteAllText(options, "servername  alpha\nTCPPort 1500\nexclude.image /scratch\nINCLUDE.IM /home\n");
        ShellResult result = _session.Run("Get-IncludeImage -RulePath $options -Verbose", ("options", options)).WithoutErrors();
        Assert.Equal(["/home", "/scratch"], result.Output.Select(each => ((RuleInfo)each.BaseObject).Volume));
        Assert.Contains(result.Verbose, line => line.Contains($"{options}(2)", StringComparison.Ordinal) && line.Contains("TCPPort", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain(result.Verbose, line => line.Contains("1500", StringComparison.Ordinal));
    }

    private string[] Lines() => _session.Rules.Split(["\r\n", "\n"], StringSplitOptions.RemoveEmptyEntries);
}
