using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using ImageBackup.Completion;
using ImageBackup.Engine.Jobs;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Volumes;
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
    public void Ids_of_images_with_what_they_are_of(string line)
    {
        CompletionResult offered = Assert.Single(Complete(line), c => c.CompletionText == _image.ShortId);
        Assert.Contains(_fixture.VolumeFile, offered.ToolTip, StringComparison.Ordinal);
        Assert.Contains("3.0 MiB", offered.ToolTip, StringComparison.Ordinal);
        Assert.Contains(Complete(line + _image.ShortId[..3]), c => c.CompletionText == _image.ShortId);
    }

    [Fact]
    public void Volumes_computers_and_tags_of_the_repository()
    {
        Assert.Contains(Complete("Get-ImageBackup -Volume "), c => c.CompletionText == _fixture.VolumeFile);
        Assert.Contains(Complete("Restore-VolumeImage -Volume "), c => c.CompletionText == _fixture.VolumeFile);
        Assert.Contains(Complete("Get-ImageBackup -ComputerName oth"), c => c.CompletionText == "othermachine");
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
        var volume = new ImageVolume
        {
            Description = new VolumeDescription
            {
                Name = "/dev/sdb1",
                DevicePath = "/dev/sdb1",
                Kind = VolumeKind.BlockDevice,
                SizeBytes = 3L << 29,
                MountPoints = ["/srv/my data"],
                Label = "data",
                Serial = "0f",
                IsSystem = true,
            },
        };
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
    [InlineData("/dev/sda1", "/dev/sda1")]
    [InlineData("LABEL=data", "LABEL=data")]
    [InlineData("/srv/my data", "'/srv/my data'")]
    [InlineData("it's", "'it''s'")]
    [InlineData("a$b", "'a$b'")]
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
