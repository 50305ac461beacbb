using System;
using System.IO;
using System.Linq;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Find-ImageItem and Compare-ImageBackup on three images of a small ext4: the second is the same as the first, the third is later.</summary>
[Collection(CommandTests.Name)]
public sealed class ItemHistoryCommandTests : IDisposable
{
    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;

    public ItemHistoryCommandTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        string volume = fixture.PathOf("history.img");
        _session = fixture.NewSession();
        _session.Set("files", volume);
        File.WriteAllBytes(volume, SeedImage.Load("files-ext4"));
        _session.Run("$null = Connect-ImageRepository $repository -Password $password; $first = Backup-VolumeImage $files; $second = Backup-VolumeImage $files").WithoutErrors();
        File.WriteAllBytes(volume, SeedImage.Load("files-ext4-later"));
        _session.Run("$third = Backup-VolumeImage $files; $all = $first, $second, $third").WithoutErrors();
    }

    public void Dispose() => _session.Dispose();

    private string Id(string variable) => _session.Run($"${variable}.Id").WithoutErrors().Single<string>();

    private ImageItemVersion[] Versions(string script) => [.. _session.Run(script).WithoutErrors().Output.Select(item => Assert.IsType<ImageItemVersion>(item.BaseObject))];

    private string[] Differences(string script) => [.. _session.Run(script).WithoutErrors().Output.Select(item => Assert.IsType<ImageItemDifference>(item.BaseObject))
        .Select(item => $"{item.Change} {item.PreviousFullName}>{item.FullName} {string.Join(',', item.Properties)}".TrimEnd()).Order(StringComparer.Ordinal)];

    [Fact]
    public void The_versions_of_a_file_are_told_with_the_images_that_have_them()
    {
        ImageItemVersion[] tool = Versions("$all | Find-ImageItem /bin/tool");
        Assert.Equal(["-rwxr-xr-x", "-rwsr-xr-x"], tool.Select(version => version.Mode));
        Assert.Equal([Id("third")], tool[0].ImageIds);
        Assert.Equal([Id("second"), Id("first")], tool[1].ImageIds);
        Assert.Equal((2, Id("second"), "/bin/tool"), (tool[1].ImageCount, tool[1].ImageId, tool[1].FullName));
        Assert.True(tool[1].OldestImageTime < tool[1].ImageTime && tool[1].ImageTime < tool[0].ImageTime);
        // What did not change is one version, in all of them.
        Assert.Equal([Id("third"), Id("second"), Id("first")], Assert.Single(Versions("$all | Find-ImageItem /holes")).ImageIds);
    }

    [Fact]
    public void A_name_is_found_anywhere_and_what_is_gone_in_the_images_that_had_it()
    {
        Assert.Equal(["/etc/hosts"], Versions("$all | Find-ImageItem hosts").Select(version => version.FullName));
        Assert.Equal([Id("second"), Id("first")], Versions("Find-ImageItem hosts -Image $all").Single().ImageIds);
        Assert.Equal(["/deep2/er/file.bin", "/docs/deep/er/file.bin"], Versions("$all | Find-ImageItem 'er/*.bin'").Select(version => version.FullName));
        Assert.Equal(["/odd/[x].txt"], Versions("$all | Find-ImageItem -LiteralPath '/odd/[x].txt'").Select(version => version.FullName));
        Assert.Equal(["/docs/notes.md", "/docs/notes.md"], Versions("$all | Find-ImageItem '/docs/*.md', notes.md").Select(version => version.FullName));
        Assert.Empty(Versions("$all | Find-ImageItem nothing*"));
        Assert.Equal("ParameterInvalid", _session.Run("$all | Find-ImageItem").ErrorId);
    }

    [Fact]
    public void Without_an_image_all_of_the_repository_are_searched_and_what_cannot_be_is_named()
    {
        ShellResult found = _session.Run("$unread = Backup-VolumeImage $volume; Find-ImageItem /docs/read.me");
        Assert.Contains(Id("third"), found.Output.Select(item => Assert.IsType<ImageItemVersion>(item.BaseObject)).SelectMany(version => version.ImageIds));
        Assert.Empty(found.Errors);
        // The repository is that of all commands' tests: others may have imaged the same file.
        string unread = Id("unread").Substring(0, 8);
        Assert.Single(found.Warnings, line => line.Contains("no known file system", StringComparison.Ordinal) && line.Contains(unread, StringComparison.Ordinal));
        Assert.Equal(["FileSystemNotBrowsable"], _session.Run("Backup-VolumeImage $volume | Find-ImageItem /docs/read.me").Ids);
    }

    [Fact]
    public void A_version_is_restored_from_its_image()
    {
        string target = _fixture.PathOf($"version-{Guid.NewGuid():N}");
        _session.Set("target", target);
        ItemRestoreResult result = _session.Run("$all | Find-ImageItem hosts | Restore-ImageItem -Destination $target").WithoutErrors().Single<ItemRestoreResult>();
        Assert.Equal((1L, Id("second")), (result.FileCount, result.ImageId));
        Assert.Equal("127.0.0.1 localhost\n", File.ReadAllText(Path.Combine(target, "etc", "hosts")));
        Directory.Delete(target, recursive: true);
    }

    [Fact]
    public void Two_names_of_a_file_are_restored_as_two_names_of_a_file()
    {
        string target = _fixture.PathOf($"names-{Guid.NewGuid():N}");
        _session.Set("target", target);
        ItemRestoreResult result = _session.Run("Restore-ImageItem $third /etc $target").WithoutErrors().Single<ItemRestoreResult>();
        Assert.Equal((3L, 1L, 34L), (result.FileCount, result.HardLinkCount, result.SizeBytes));
        // Over themselves, and one alone: it is the same file no more.
        Assert.Equal(1, _session.Run("Restore-ImageItem $third /etc $target -Overwrite").WithoutErrors().Single<ItemRestoreResult>().HardLinkCount);
        if (OperatingSystem.IsLinux())
            Assert.Equal("2 2", Tool.Shell($"cd '{target}/etc' && echo $(stat -c %h fstab fstab.bak)").Trim());
        File.AppendAllText(Path.Combine(target, "etc", "fstab"), "more");
        Assert.EndsWith("more", File.ReadAllText(Path.Combine(target, "etc", "fstab.bak")), StringComparison.Ordinal);
        Assert.Equal(0, _session.Run("Restore-ImageItem $third /etc/fstab.bak $target -Overwrite").WithoutErrors().Single<ItemRestoreResult>().HardLinkCount);
        Assert.EndsWith("more", File.ReadAllText(Path.Combine(target, "etc", "fstab")), StringComparison.Ordinal);
        Assert.DoesNotContain("more", File.ReadAllText(Path.Combine(target, "etc", "fstab.bak")), StringComparison.Ordinal);
        Assert.Equal(3, Directory.GetFileSystemEntries(Path.Combine(target, "etc")).Length);
        Directory.Delete(target, recursive: true);
    }

    [Fact]
    public void Differences_are_told_by_metadata_and_what_was_renamed_once()
    {
        Assert.Empty(Differences("Compare-ImageBackup $first $second"));
        Assert.Equal(
            [
                "Added >/etc/fstab.bak",
                "Added >/etc/new",
                "Added >/more",
                "Added >/more/link2",
                "Changed /docs/deep/er/file.bin>/deep2/er/file.bin Mode",
                "Changed >/bin/tool Mode",
                "Changed >/docs/link LastWriteTime,LinkTarget",
                "Changed >/docs/notes.md ChangeTime",
                "Changed >/etc/fstab ChangeTime",
                "Removed >/etc/hosts",
                "Renamed /docs/deep>/deep2",
                "Renamed /docs/readme.txt>/docs/read.me ChangeTime",
            ],
            Differences("Compare-ImageBackup $second $third"));
    }

    [Fact]
    public void By_content_only_what_differs_is_told()
    {
        string[] differences = Differences("Compare-ImageBackup $second $third -ByContent -LiteralPath /docs, /etc");
        Assert.Contains("Changed >/docs/notes.md Content", differences);
        Assert.DoesNotContain(differences, line => line.Contains("fstab ", StringComparison.Ordinal));
        Assert.Equal("ItemNotFound", _session.Run("Compare-ImageBackup $first $third -LiteralPath /nothing").ErrorId);
    }

    [Fact]
    public void An_image_is_compared_with_its_volume_as_it_is_now()
    {
        Assert.Empty(Differences("Compare-ImageBackup $third -Volume $files -ByContent"));
        ImageItemDifference[] back = [.. _session.Run("Compare-ImageBackup $second -Volume $files").WithoutErrors().Output.Select(item => Assert.IsType<ImageItemDifference>(item.BaseObject))];
        Assert.Equal(12, back.Length);
        // What changed is restored from the image; what is new is on the volume only.
        Assert.Equal(Id("second"), back.Single(item => item.FullName == "/bin/tool").ImageId);
        Assert.Null(back.Single(item => item.FullName == "/etc/new").ImageId);
    }

    [Fact]
    public void Both_are_shown_in_tables()
    {
        string text = _session.Run("$all | Find-ImageItem /bin/tool | Out-Default").WithoutErrors().Text;
        Assert.Matches(@"\s2 /bin/tool", text);
        Assert.Contains("/bin/tool", text, StringComparison.Ordinal);
        text = _session.Run("Compare-ImageBackup $second $third | Out-Default").WithoutErrors().Text;
        Assert.Contains("/docs/readme.txt -> /docs/read.me", text, StringComparison.Ordinal);
    }
}
