using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using ImageBackup.Commands;
using ImageBackup.Completion;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Session;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>What the Tab key offers, asked of the engine as a console asks it.</summary>
[Collection(CommandTests.Name)]
public sealed class CompletionTests : IDisposable
{
    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;
    private readonly ImageBackupInfo _image;

    public CompletionTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        _session = fixture.NewSession();
        _image = _session.Run(
            "$null = Connect-ImageRepository $repository -Password $password; Backup-VolumeImage $volume -Tag completed -ComputerName othermachine")
            .WithoutErrors().Single<ImageBackupInfo>();
    }

    public void Dispose() => _session.Dispose();

    private IReadOnlyList<CompletionResult> Complete(string line)
    {
        ShellResult result = _session.Run("(TabExpansion2 -inputScript $line -cursorColumn $line.Length).CompletionMatches", ("line", line)).WithoutErrors();
        return [.. result.Output.Select(o => (CompletionResult)o.BaseObject)];
    }

    [Theory]
    [InlineData("Restore-VolumeImage ")]
    [InlineData("Restore-VolumeImage -ImageBackup ")]
    [InlineData("Test-ImageBackup ")]
    [InlineData("Get-ImageBackup -Id ")]
    [InlineData("Remove-ImageBackup ")]
    public void Ids_of_images_with_what_they_are_of(string line)
    {
        // An id that PowerShell would take for a number is quoted.
        CompletionResult offered = Assert.Single(Complete(line), c => c.CompletionText.Trim('\'') == _image.ShortId);
        Assert.Contains(_fixture.VolumeFile, offered.ToolTip, StringComparison.Ordinal);
        Assert.Contains("3.0 MiB", offered.ToolTip, StringComparison.Ordinal);
        Assert.Contains(Complete(line + _image.ShortId[..3]), c => c.CompletionText.Trim('\'') == _image.ShortId);
    }

    [Fact]
    public void Volumes_computers_and_tags_of_the_repository()
    {
        Assert.Contains(Complete("Get-ImageBackup -Volume "), c => c.CompletionText == _fixture.VolumeFile);
        Assert.Contains(Complete("Restore-VolumeImage -Volume "), c => c.CompletionText == _fixture.VolumeFile);
        Assert.Contains(Complete("Get-ImageBackup -ComputerName oth"), c => c.CompletionText == "othermachine");
        Assert.Contains(Complete("Remove-ImageBackup -Expired -VolumeRemoved "), c => c.CompletionText == _fixture.VolumeFile);
        Assert.Contains(Complete("Remove-ImageBackup -Expired -ComputerName oth"), c => c.CompletionText == "othermachine");
        Assert.Contains(Complete("Backup-VolumeImage -ComputerName oth"), c => c.CompletionText == "othermachine");
        Assert.Contains(Complete("Backup-VolumeImage -Tag comp"), c => c.CompletionText == "completed");
        Assert.DoesNotContain(Complete("Get-ImageBackup -Tag zzz"), c => c.CompletionText == "completed");
    }

    [Fact]
    public void Repositories_that_were_opened_before()
    {
        Assert.Contains(Complete("Connect-ImageRepository "), c => c.CompletionText == _fixture.Location && c.ToolTip == "connected in this session");
        _session.Run("Disconnect-ImageRepository").WithoutErrors();
        Assert.Contains(Complete("Get-ImageBackup -Repository "), c => c.CompletionText == _fixture.Location && c.ToolTip == "opened before");
    }

    [Fact]
    public void Without_a_repository_nothing_is_offered_and_nothing_is_opened()
    {
        _session.Run("Disconnect-ImageRepository").WithoutErrors();
        Assert.DoesNotContain(Complete("Restore-VolumeImage -ImageBackup "), c => c.CompletionText == _image.ShortId);
    }

    [Fact]
    public void A_volume_is_offered_by_each_of_its_names()
    {
        var volume = new ImageVolume(new VolumeDescription
        {
            Name = "/dev/sdb1",
            DevicePath = "/dev/sdb1",
            Kind = VolumeKind.BlockDevice,
            SizeBytes = 3L << 29,
            MountPoints = ["/srv/my data"],
            Label = "data",
            Serial = "0f",
            IsSystem = true,
        });
        var offered = VolumeCompleter.Names([volume]).ToList();
        Assert.Equal(["/dev/sdb1", "/srv/my data", "LABEL=data", "UUID=0f"], offered.Select(o => o.Text));
        Assert.Equal("no known file system, 1.5 GiB, 'data', at /srv/my data (system)", offered[0].Tooltip);
    }

    [Fact]
    public void Management_classes_with_what_they_keep()
    {
        CompletionCandidate standard = Assert.Single(ManagementClassCompleter.Names(new ManagementClassCatalog(ManagementClassDocument.Empty)));
        Assert.Equal("STANDARD", standard.Text);
        Assert.Equal("keeps 2 versions, 1 of a removed volume; extra ones 30 days, the last 60 days", standard.Tooltip);
    }

    [Theory]
    [InlineData("Get-SnapshotProvider ", false)]
    [InlineData("Test-SnapshotProvider $volume -Name ", false)]
    [InlineData("Set-SnapshotProvider ", true)]
    [InlineData("Backup-VolumeImage $volume -SnapshotProvider ", true)]
    [InlineData("Set-IncludeImage $volume -SnapshotProvider ", true)]
    public void Snapshot_providers_and_NONE_where_it_is_a_choice(string line, bool isChoice)
    {
        IReadOnlyList<CompletionResult> offered = Complete(line);
        foreach (SnapshotProviderInfo provider in _session.Run("Get-SnapshotProvider").WithoutErrors().Output.Select(o => (SnapshotProviderInfo)o.BaseObject))
        {
            string tooltip = Assert.Single(offered, c => c.CompletionText == provider.Name).ToolTip;
            Assert.StartsWith(provider.Description, tooltip, StringComparison.Ordinal);
            Assert.Contains(provider.IsUsable ? "; usable" : "not usable: " + provider.WhyNot, tooltip, StringComparison.Ordinal);
            Assert.Equal(provider.IsDefault, tooltip.EndsWith("(the default)", StringComparison.Ordinal));
        }
        Assert.Equal(isChoice, offered.Any(c => c.CompletionText == "NONE" && c.ToolTip.StartsWith("no snapshots", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_defaults_of_the_file_that_stands_on_the_line_count()
    {
        _session.Run("Set-SnapshotProvider -Path own.json -Name NONE -CreateCommand a -RemoveCommand b").WithoutErrors();
        IReadOnlyList<CompletionResult> offered = Complete("Set-SnapshotProvider -Path own.json -Name ");
        Assert.Equal("no snapshots (the default)", Assert.Single(offered, c => c.CompletionText == "NONE").ToolTip);
        CompletionResult command = Assert.Single(Complete("Get-SnapshotProvider -Path own.json -Name com"), c => c.CompletionText == "COMMAND");
        Assert.Contains("; usable", command.ToolTip, StringComparison.Ordinal);
    }

    [Fact]
    public void A_provider_that_cannot_be_used_says_why()
    {
        var provider = new SnapshotProviderInfo { Name = "VSS", Description = "shadow copies", IsUsable = false, WhyNot = "there is no service" };
        Assert.Equal("shadow copies; not usable: there is no service", Assert.Single(SnapshotProviderCompleter.Names([provider])).Tooltip);
        provider = provider with { IsUsable = true, WhyNot = null, IsDefault = true };
        Assert.Equal("shadow copies; usable (the default)", Assert.Single(SnapshotProviderCompleter.Names([provider])).Tooltip);
    }

    [Fact]
    public void Patterns_of_the_rules_that_there_are()
    {
        _session.Run("Set-IncludeImage '/srv/*' -RulePath own.rules -ImageType Dynamic; Set-ExcludeImage /scratch -RulePath own.rules -First").WithoutErrors();
        foreach (string line in new[] { "Remove-IncludeImage", "Get-IncludeImage", "Set-ExcludeImage /x -After", "Set-IncludeImage /x -Before" })
        {
            IReadOnlyList<CompletionResult> offered = Complete(line.Replace(" -", " -RulePath own.rules -", StringComparison.Ordinal) + (line.Contains(" -", StringComparison.Ordinal) ? " " : " -RulePath own.rules -Volume "));
            Assert.Equal(["/scratch", "'/srv/*'"], offered.Select(c => c.CompletionText));
            Assert.Contains("dynamic", offered[1].ToolTip, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public void Keys_of_the_repository_with_who_made_them()
    {
        CompletionResult key = Assert.Single(Complete("Remove-ImageRepositoryKey "), c => c.ToolTip.EndsWith("(in use)", StringComparison.Ordinal));
        // One that PowerShell would read as a number (12345678, 1234e567) stands in quotation marks.
        Assert.Equal(8, key.CompletionText.Trim('\'').Length);
        Assert.StartsWith("of ", key.ToolTip, StringComparison.Ordinal);
    }

    /// <summary>What one cmdlet offers another of the same noun must not owe: the names say what kind of thing a parameter takes.</summary>
    [Fact]
    public void No_parameter_that_names_a_thing_is_without_completion()
    {
        string[] names = ["Volume", "ImageBackup", "ManagementClass", "SnapshotProvider", "Repository", "Tag", "ComputerName", "Destination"];
        IEnumerable<string> without =
            from type in typeof(NameCompleter).Assembly.GetTypes()
            where type.GetCustomAttributes(typeof(CmdletAttribute), inherit: false).Length > 0
            from property in type.GetProperties()
            where property.GetCustomAttributes(typeof(ParameterAttribute), inherit: true).Length > 0 && names.Contains(property.Name)
            where property.GetCustomAttributes(typeof(ArgumentCompleterAttribute), inherit: true).Length == 0
            // A directory, which PowerShell completes itself.
            where (type, property.Name) != (typeof(RestoreImageItemCommand), "Destination")
            select $"{type.Name} -{property.Name}";
        Assert.Empty(without);
    }

    [Theory]
    [InlineData("/dev/sda1", "/dev/sda1")]
    [InlineData("LABEL=data", "LABEL=data")]
    [InlineData("/srv/my data", "'/srv/my data'")]
    [InlineData("it's", "'it''s'")]
    [InlineData("a$b", "'a$b'")]
    [InlineData("abc12345", "abc12345")]
    [InlineData("01234567", "'01234567'")]
    [InlineData("9e111111", "'9e111111'")]
    [InlineData("1234567d", "'1234567d'")]
    [InlineData("12345678", "'12345678'")]
    [InlineData("12345e67", "'12345e67'")]
    [InlineData("1234567f", "1234567f")]
    [InlineData("-x", "'-x'")]
    [InlineData("@x", "'@x'")]
    [InlineData("2>x", "'2>x'")]
    [InlineData("a;b", "'a;b'")]
    [InlineData("br[ack]et", "'br[ack]et'")]
    [InlineData("star*", "'star*'")]
    [InlineData("ends ", "'ends '")]
    [InlineData("#x", "'#x'")]
    [InlineData(@"\\?\Volume{1}\", @"'\\?\Volume{1}\'")]
    public void What_a_shell_would_read_otherwise_is_quoted(string text, string quoted) => Assert.Equal(quoted, NameCompleter.Quoted(text));

    [Fact]
    public void The_list_of_repositories_is_short_and_the_newest_comes_first()
    {
        string file = _fixture.PathOf($"recent-{Guid.NewGuid():N}/repositories");
        var recent = new RecentRepositories(file);
        Assert.Empty(recent.List());
        for (int i = 0; i < 25; i++)
            recent.Note($"/r{i}");
        recent.Note("/r20");
        recent.Note("/two\nlines");
        Assert.Equal(RecentRepositories.MaxCount, recent.List().Count);
        Assert.Equal(["/r20", "/r24", "/r23"], recent.List().Take(3));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(file)!));
        File.WriteAllText(file, new string('x', 1 << 20));
        Assert.Empty(recent.List());
        new RecentRepositories(null).Note("/r");
    }
}
