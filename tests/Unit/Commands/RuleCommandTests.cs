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
        Assert.Contains(same.Verbose, line => line.Contains("there is nothing to change", StringComparison.Ordinal));
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

    private string[] Lines() => _session.Rules.Split(["\r\n", "\n"], StringSplitOptions.RemoveEmptyEntries);
}
