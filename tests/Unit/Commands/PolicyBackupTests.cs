using System;
using System.IO;
using System.Linq;
using System.Management.Automation;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Backup-VolumeImage and Get-ImageVolume by rules and classes.</summary>
[Collection(CommandTests.Name)]
public sealed class PolicyBackupTests : IDisposable
{
    private readonly RepositoryFixture _fixture;
    private readonly PolicySession _session;
    private readonly string _folder;

    public PolicyBackupTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        _session = new PolicySession(fixture, connect: true);
        _folder = Guid.NewGuid().ToString("N");
        Directory.CreateDirectory(fixture.PathOf(_folder));
    }

    public void Dispose()
    {
        // The repository is shared: what a test enforces must not outlive it.
        _session.Run("$global:PSDefaultParameterValues.Clear(); Get-IncludeImage -Enforced | Remove-IncludeImage; Set-ImageDomain @() -Enforced").WithoutErrors();
        _session.Dispose();
    }

    private string NewVolume(string name) => _fixture.NewVolume(Path.Combine(_folder, name), seed: 7);

    [Fact]
    public void Every_option_is_decided_by_command_rule_class_client_and_the_image_says_by_which()
    {
        string volume = NewVolume("a.img");
        _session.Run("Set-ManagementClass GOLD -VersionsExist 5 -ChangingRetries 8 -GapSize 2m -ImageType Static -Compression Max").WithoutErrors();
        _session.Rules = $"snapshotfsidlewait 3\ninclude.image {volume} GOLD imagegapsize=1m\n";
        ImageBackupInfo image = _session.Run("Backup-VolumeImage $v -ImageType Dynamic", ("v", volume)).WithoutErrors().Single<ImageBackupInfo>();
        Assert.Equal(("GOLD", ImageType.Dynamic, 1L << 20, 5), (image.ManagementClass, image.ImageType, image.GapSizeBytes, image.Retention!.VersionsExist.Value));
        Assert.Equal(($"include.image {volume} GOLD imagegapsize=1m", _session.RulePath, 2), (image.Rule!.Text, image.Rule.Path, image.Rule.Line));
        Assert.Equal(
            [("ImageType", OptionSource.CommandLine), ("GapSize", OptionSource.Rule), ("ChangingRetries", OptionSource.ManagementClass), ("Compression", OptionSource.ManagementClass), ("IdleWait", OptionSource.ClientWide), ("Serialization", OptionSource.BuiltIn)],
            new[] { "ImageType", "GapSize", "ChangingRetries", "Compression", "IdleWait", "Serialization" }.Select(name => (name, image.Options.Single(option => option.Name == name).Source)));
        ImageBackupInfo listed = _session.Run("Get-ImageBackup -Id $i", ("i", image.Id)).WithoutErrors().Single<ImageBackupInfo>();
        Assert.Equal((image.Rule, image.Retention, "GOLD"), (listed.Rule, listed.Retention, listed.ManagementClass));
        Assert.Equal(image.Options, listed.Options);

        ImageBackupInfo byClass = _session.Run("Backup-VolumeImage $v -ManagementClass standard", ("v", volume)).WithoutErrors().Single<ImageBackupInfo>();
        Assert.Equal(("STANDARD", 2), (byClass.ManagementClass, byClass.Retention!.VersionsExist.Value));
        Assert.Equal(OptionSource.CommandLine, byClass.Options.Single(option => option.Name == "ManagementClass").Source);
    }

    [Fact]
    public void Data_is_compressed_as_the_command_the_rule_or_the_class_says()
    {
        string volume = NewVolume("text.img");
        long Stored(string content, string command)
        {
            // New data each time: what the repository has is not stored again.
            File.WriteAllText(volume, string.Concat(Enumerable.Range(0, 200_000).Select(i => $"{content}{i * 7919 % 10_007}\n")));
            ImageBackupInfo image = _session.Run(command, ("v", volume)).WithoutErrors().Single<ImageBackupInfo>();
            Assert.True(_session.Run("Test-ImageBackup $i", ("i", image)).WithoutErrors().Single<VerifyResult>().IsWhole);
            return image.StoredBytes!.Value;
        }
        long sizeBytes = 200_000 * 5;
        Assert.True(Stored("a", "Backup-VolumeImage $v -Compression Off") > sizeBytes);
        long auto = Stored("b", "Backup-VolumeImage $v");
        Assert.True(auto < sizeBytes / 2);
        _session.Rules = $"include.image {volume} compression=max\n";
        long max = Stored("c", "Backup-VolumeImage $v");
        Assert.True(max < auto);
        Assert.True(Stored("d", "Backup-VolumeImage $v -Compression off") > sizeBytes);
    }

    [Fact]
    public void Chunks_are_as_long_as_the_command_the_rule_or_the_class_says()
    {
        string volume = NewVolume("chunks.img");
        int? Taken(string command)
        {
            ImageBackupInfo image = _session.Run(command, ("v", volume)).WithoutErrors().Single<ImageBackupInfo>();
            Assert.True(_session.Run("Test-ImageBackup $i", ("i", image)).WithoutErrors().Single<VerifyResult>().IsWhole);
            return image.ChunkSizeBytes;
        }
        Assert.Equal(256 << 10, Taken("Backup-VolumeImage $v"));
        _session.Run("Set-ManagementClass FINE -VersionsExist 2 -ChunkSize 128KB").WithoutErrors();
        Assert.Equal("128k", _session.Run("Get-ManagementClass FINE | Set-ManagementClass -PassThru").WithoutErrors().Single<ManagementClassInfo>().ChunkSize);
        Assert.Equal(128 << 10, Taken("Backup-VolumeImage $v -ManagementClass FINE"));
        _session.Rules = $"include.image {volume} FINE chunksize=512k\n";
        Assert.Equal(512 << 10, Taken("Backup-VolumeImage $v"));
        Assert.Equal(64 << 10, Taken("Backup-VolumeImage $v -ChunkSize 64KB"));
        Assert.Equal("ParameterInvalid", _session.Run("Set-IncludeImage $v -ChunkSize 100k", ("v", volume)).ErrorId);
    }

    [Fact]
    public void No_rule_means_included_with_the_default_class()
    {
        ImageBackupInfo image = _session.Run("Backup-VolumeImage $volume").WithoutErrors().Single<ImageBackupInfo>();
        Assert.Equal(("STANDARD", null, ImageType.Static, null), (image.ManagementClass, image.Rule, image.ImageType, image.RequestedImageType));
    }

    [Fact]
    public void An_excluded_volume_is_an_error_by_name_and_passed_over_as_an_object()
    {
        string bad = NewVolume("bad.img");
        string good = NewVolume("good.img");
        _session.Rules = $"exclude.image {bad}\n";
        ShellResult named = _session.Run("Backup-VolumeImage $bad, $good", ("bad", bad), ("good", good));
        Assert.Equal(["VolumeExcluded", "SomeVolumesFailed"], named.Ids);
        Assert.Contains($"exclude.image {bad} [{_session.RulePath}(1)]", named.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Equal(good, named.Single<ImageBackupInfo>().Volume);
        Assert.Equal("VolumeExcluded", _session.Run("$bad | Backup-VolumeImage").ErrorId);

        foreach (string objects in new[] { "[System.IO.FileInfo]$bad, [System.IO.FileInfo]$good", "Get-ImageVolume $bad, $good", "[pscustomobject]@{ Path = $bad }, [pscustomobject]@{ Path = $good }" })
        {
            ShellResult piped = _session.Run($"{objects} | Backup-VolumeImage -Verbose").WithoutErrors();
            Assert.Equal(good, piped.Single<ImageBackupInfo>().Volume);
            Assert.Contains(piped.Verbose, line => line.Contains($"{bad} is excluded by the rule", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void WhatIf_tells_type_class_and_rule_and_writes_nothing()
    {
        string volume = NewVolume("a.img");
        _session.Rules = $"include.image {volume} imagetype=dynamic\n";
        string[] before = _fixture.RepositoryFiles();
        ShellResult result = _session.Run("Backup-VolumeImage $v -WhatIf", ("v", volume)).WithoutErrors();
        Assert.Empty(result.Output);
        Assert.Contains("Back up as Dynamic image", result.Text, StringComparison.Ordinal);
        Assert.Contains($"{_session.RulePath}(1)", result.Text, StringComparison.Ordinal);
        Assert.Contains("class STANDARD", result.Text, StringComparison.Ordinal);
        Assert.Equal(before, _fixture.RepositoryFiles());
    }

    [Theory]
    [InlineData("include.image /a NOPE\n", "", "ManagementClassNotFound", "(1)")]
    [InlineData("* x\ninclude.image /a imagetype=odd\n", "", "RuleInvalid", "(2,28)")]
    [InlineData("", "-ManagementClass NOPE", "ManagementClassNotFound", "NOPE")]
    [InlineData("", "-RulePath ($rules + '.absent')", "PolicyReadFailed", "absent")]
    [InlineData("", "-ClassPath ($rules + '.absent')", "PolicyReadFailed", "absent")]
    [InlineData("inclexcl absent.rules\n", "", "RuleInvalid", "(1,10)")]
    public void Nothing_starts_on_rules_or_classes_that_are_wrong(string rules, string arguments, string id, string where)
    {
        string first = NewVolume("first.img");
        _session.Rules = rules;
        string[] before = _fixture.RepositoryFiles();
        ShellResult result = _session.Run($"Backup-VolumeImage $first, $volume {arguments}; 'not reached'", ("first", first));
        Assert.Equal(id, result.ErrorId);
        Assert.Contains(where, result.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(result.Output, each => each.BaseObject is ImageBackupInfo);
        Assert.Equal(before, _fixture.RepositoryFiles());
    }

    [Fact]
    public void No_volume_named_takes_those_of_the_domain()
    {
        string a = NewVolume("a.img"), b = NewVolume("b.img"), excluded = NewVolume("c.img");
        _session.Rules = $"domain.image {a} {_folder}-absent.img\nexclude.image {excluded}\n";
        _session.Run("Set-ImageDomain $b, $a, $x -Enforced", ("b", b), ("a", a), ("x", excluded)).WithoutErrors();
        ShellResult result = _session.Run("Backup-VolumeImage -Verbose");
        Assert.Equal([a, b], result.Output.Select(each => ((ImageBackupInfo)each.BaseObject).Volume));
        Assert.Equal(["VolumeNotFound", "SomeVolumesFailed"], result.Ids);
        Assert.Contains(result.Verbose, line => line.Contains($"{excluded} is excluded", StringComparison.Ordinal));
    }

    [Fact]
    public void No_volume_named_and_no_domain_is_an_error()
    {
        string[] before = _fixture.RepositoryFiles();
        ShellResult result = _session.Run("Backup-VolumeImage; 'not reached'");
        Assert.Equal("NoVolume", result.ErrorId);
        Assert.Equal("NoVolume", _session.Run("@() | Backup-VolumeImage").ErrorId);
        _session.Rules = "domain.image LABEL=no-volume-has-this-*\n";
        Assert.Equal("NoVolume", _session.Run("Backup-VolumeImage").ErrorId);
        Assert.Equal(before, _fixture.RepositoryFiles());
    }

    [Fact]
    public void An_unattended_run_keeps_the_classs_frequency_and_a_named_volume_does_not_wait()
    {
        string volume = NewVolume("a.img");
        _session.Run("Set-ManagementClass WEEKLY -Frequency 7").WithoutErrors();
        _session.Rules = $"domain.image {volume}\ninclude.image {volume} WEEKLY\n";
        _session.Run("Backup-VolumeImage").WithoutErrors().Single<ImageBackupInfo>();
        ShellResult again = _session.Run("Backup-VolumeImage -Verbose").WithoutErrors();
        Assert.Empty(again.Output);
        Assert.Contains(again.Verbose, line => line.Contains("wants one every 7 days", StringComparison.Ordinal));
        _session.Run("Backup-VolumeImage $v", ("v", volume)).WithoutErrors().Single<ImageBackupInfo>();
        _session.Run("Backup-VolumeImage -ManagementClass STANDARD").WithoutErrors().Single<ImageBackupInfo>();
    }

    [Fact]
    public void The_repositorys_rules_go_first()
    {
        string volume = NewVolume("a.img");
        _session.Run("Set-ManagementClass KEPT -VersionsExist NoLimit -Enforced; Set-ManagementClass KEPT -VersionsExist 1").WithoutErrors();
        _session.Rules = $"exclude.image {volume}\n";
        _session.Run("Set-IncludeImage $v -ManagementClass KEPT -ImageType Dynamic -Enforced", ("v", volume)).WithoutErrors();
        ImageBackupInfo image = _session.Run("Backup-VolumeImage $v").WithoutErrors().Single<ImageBackupInfo>();
        Assert.Equal(("KEPT", true, ImageType.Dynamic), (image.ManagementClass, image.Retention!.VersionsExist.IsNoLimit, image.ImageType));
        Assert.Equal((true, $"{_fixture.Location}:image.rules", 1), (image.Rule!.IsEnforced, image.Rule.Path, image.Rule.Line));

        RuleInfo[] rules = [.. _session.Run("Get-IncludeImage").WithoutErrors().Output.Select(each => (RuleInfo)each.BaseObject)];
        Assert.Equal([(1, true, RuleKind.Include), (2, false, RuleKind.Exclude)], rules.Select(each => (each.Order, each.Enforced, each.Kind)));
        Assert.Single(_session.Run("Get-IncludeImage -Enforced").WithoutErrors().Output);
        Assert.True(_session.Run("Test-IncludeImage $v").WithoutErrors().Single<RuleTest>().Enforced);
        Assert.Equal("NoLimit", _session.Run("(Get-ManagementClass KEPT).VersionsExist").WithoutErrors().Single<string>());

        // It is not an image.
        Assert.All(_session.Run("Get-ImageBackup -IncludeInactive").WithoutErrors().Output, each => Assert.True(((ImageBackupInfo)each.BaseObject).IsOurs));

        Assert.Equal("ManagementClassNotFound", _session.Run("Set-IncludeImage /x -ManagementClass NOPE -Enforced").ErrorId);
        Assert.Equal("ParameterInvalid", _session.Run("Set-IncludeImage /x -PreSnapshotCommand 'rm -rf /' -Enforced").ErrorId);
        Assert.Equal("ManagementClassInUse", _session.Run("Remove-ManagementClass KEPT -Enforced").ErrorId);
        _session.Run("Remove-IncludeImage $v -Enforced; Remove-ManagementClass KEPT -Enforced").WithoutErrors();
        Assert.Equal("VolumeExcluded", _session.Run("Backup-VolumeImage $v").ErrorId);
    }

    [Fact]
    public void A_volume_shows_rule_class_and_type_beforehand()
    {
        string taken = NewVolume("a.img"), excluded = NewVolume("b.img");
        _session.Rules = $"include.image {taken} imagetype=dynamic\nexclude.image {excluded}\n";
        ShellResult result = _session.Run("Get-ImageVolume $a, $b", ("a", taken), ("b", excluded)).WithoutErrors();
        ImageVolume[] volumes = [.. result.Output.Select(each => (ImageVolume)each.BaseObject)];
        Assert.Equal([(false, ImageType.Dynamic, "STANDARD"), (true, (ImageType?)null, null)], volumes.Select(each => (each.IsExcluded, each.ImageType, each.ManagementClass)));
        Assert.Equal([$"include.image {taken} imagetype=dynamic", $"exclude.image {excluded}"], volumes.Select(each => each.Rule));
        string table = _session.Run("Get-ImageVolume $b | Out-Default", ("b", excluded)).WithoutErrors().Text;
        Assert.Contains("excluded", table, StringComparison.Ordinal);

        _session.Rules = "nonsense\n";
        ShellResult faulty = _session.Run("Get-ImageVolume $a");
        Assert.Equal("RuleInvalid", faulty.ErrorId);
        Assert.Equal((null, (ImageType?)null), (faulty.Single<ImageVolume>().MatchedRule, faulty.Single<ImageVolume>().ImageType));
    }

    [Fact]
    public void The_originals_options_file_serves_as_the_list()
    {
        string volume = NewVolume("a.img"), excluded = NewVolume("b.img");
        string options = _fixture.PathOf($"{_folder}/dsm.sys");
        File.WriteAllText(options, $"SErvername one\n  COMMMethod tcpip\n  PASSWORDAccess generate\n  domain.image {volume} {excluded}\n  include.image {volume} imagety=dynamic\n  EXCLUDE.IMAGE {excluded}\nSErvername two\n  exclude.image *\n");
        ShellResult result = _session.Run("Backup-VolumeImage -RulePath $o -Verbose", ("o", options)).WithoutErrors();
        ImageBackupInfo image = result.Single<ImageBackupInfo>();
        Assert.Equal((volume, ImageType.Dynamic, 5), (image.Volume, image.ImageType, image.Rule!.Line));
        Assert.Contains(result.Verbose, line => line.Contains("COMMMethod", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void A_snapshot_that_a_rule_wants_falls_over_with_a_warning()
    {
        string volume = NewVolume("a.img");
        _session.Rules = $"include.image {volume} imagetype=snapshot\n";
        ShellResult result = _session.Run("Backup-VolumeImage $v", ("v", volume)).WithoutErrors();
        Assert.Equal((ImageType.Static, ImageType.Snapshot), (result.Single<ImageBackupInfo>().ImageType, result.Single<ImageBackupInfo>().RequestedImageType));
        Assert.Contains(result.Warnings, line => line.Contains("snapshot", StringComparison.OrdinalIgnoreCase));
    }
}
