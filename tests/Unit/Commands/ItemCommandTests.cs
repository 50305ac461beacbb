using System;
using System.IO;
using System.Linq;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Get-ImageItem, Get-ImageItemContent and Restore-ImageItem on the image of a small ext4.</summary>
[Collection(CommandTests.Name)]
public sealed class ItemCommandTests : IDisposable
{
    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;
    private readonly string _target;

    public ItemCommandTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        string volume = fixture.PathOf("files.img");
        if (!File.Exists(volume))
            File.WriteAllBytes(volume, SeedImage.Load("files-ext4"));
        _target = fixture.PathOf($"items-{Guid.NewGuid():N}");
        _session = fixture.NewSession();
        _session.Set("files", volume);
        _session.Set("target", _target);
        _session.Run("$null = Connect-ImageRepository $repository -Password $password; $image = Backup-VolumeImage $files").WithoutErrors();
    }

    public void Dispose()
    {
        _session.Dispose();
        // .NET cannot remove a name that is not UTF-8.
        if (OperatingSystem.IsLinux())
            Tool.Run("rm", "-rf", _target);
    }

    private string[] Names(string script) => [.. _session.Run(script).WithoutErrors().Output.Select(item => Assert.IsType<ImageItem>(item.BaseObject).FullName)];

    private string Restored(params string[] names) => Path.Combine([_target, .. names]);

    [Fact]
    public void A_directory_gives_what_is_in_it_and_a_file_itself()
    {
        Assert.Equal(["/bin", "/dev", "/docs", "/etc", "/holes", "/odd"], Names("$image | Get-ImageItem").Order(StringComparer.Ordinal));
        Assert.Equal(["/etc/fstab", "/etc/hosts"], Names("Get-ImageItem $image.Id /etc").Order(StringComparer.Ordinal));
        Assert.Equal(["/etc/fstab"], Names("Get-ImageItem $image.ShortId /etc/fstab"));
        Assert.Equal(["/docs/link"], Names("Get-ImageItem $image docs/l*"));
        Assert.Equal(["/odd/[x].txt"], Names("Get-ImageItem $image -LiteralPath '/odd/[x].txt'"));
        Assert.Equal(["/odd/b\\c"], Names(@"Get-ImageItem $image -LiteralPath '/odd/b\c'"));
    }

    [Fact]
    public void Patterns_depth_include_and_exclude_choose()
    {
        Assert.Equal(["/docs/deep", "/docs/deep/er", "/docs/deep/er/file.bin", "/docs/link", "/docs/notes.md", "/docs/readme.txt"],
            Names("Get-ImageItem $image /docs -Recurse").Order(StringComparer.Ordinal));
        Assert.Equal(["/docs/deep", "/docs/deep/er", "/docs/link", "/docs/notes.md", "/docs/readme.txt"], Names("Get-ImageItem $image /docs -Depth 1").Order(StringComparer.Ordinal));
        Assert.Equal(["/docs/readme.txt", "/odd/[x].txt"], Names("Get-ImageItem $image -Recurse -Filter *.txt").Order(StringComparer.Ordinal));
        Assert.Equal(["/docs/notes.md"], Names("Get-ImageItem $image /docs -Include *.md, *.txt -Exclude read*"));
        Assert.Equal(["/etc/fstab"], Names("Get-ImageItem $image '/*/f[s]tab'"));
        Assert.Empty(Names("Get-ImageItem $image '/nothing*'"));
    }

    [Fact]
    public void An_item_has_what_Get_ChildItem_shows()
    {
        ImageItem tool = _session.Run("Get-ImageItem $image /bin/tool").WithoutErrors().Single<ImageItem>();
        Assert.Equal(("tool", "/bin", "File", 10L, "-rwsr-xr-x", 1000L, 1000L, 1L),
            (tool.Name, tool.DirectoryName, tool.Type, tool.Length!.Value, tool.Mode, tool.UserId!.Value, tool.GroupId!.Value, tool.LinkCount));
        Assert.Equal(new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(6_789_012), tool.LastWriteTime!.Value.ToUniversalTime());
        ImageItem link = _session.Run("Get-ImageItem $image /docs/link").WithoutErrors().Single<ImageItem>();
        Assert.Equal(("SymbolicLink", "readme.txt", "lrwxrwxrwx"), (link.Type, link.LinkTarget!, link.Mode));
        ImageItem device = _session.Run("Get-ImageItem $image /dev/null").WithoutErrors().Single<ImageItem>();
        Assert.Equal(("CharacterDevice", null), (device.Type, device.Length));
        string text = _session.Run("Get-ImageItem $image /docs | Out-Default").WithoutErrors().Text;
        Assert.Contains("/docs/link -> readme.txt", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_there_and_what_cannot_be_browsed_are_errors_by_name()
    {
        ShellResult missing = _session.Run("Get-ImageItem $image /etc/nothing, /etc/fstab");
        Assert.Equal("ItemNotFound", missing.ErrorId);
        Assert.Equal("fstab", missing.Single<ImageItem>().Name);
        ShellResult noise = _session.Run("Backup-VolumeImage $volume | Get-ImageItem");
        Assert.Equal("FileSystemNotBrowsable", noise.ErrorId);
        Assert.Contains("ext4", noise.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Equal("ItemUnreadable", _session.Run("Get-ImageItemContent $image /etc").ErrorId);
    }

    [Fact]
    public void Content_is_lines_text_or_bytes()
    {
        Assert.Equal(["first line", "second line", "ümlaut"], _session.Run("Get-ImageItemContent $image /docs/readme.txt").WithoutErrors().Output.Select(line => line.ToString()));
        Assert.Equal("first line\nsecond line\nümlaut\n", _session.Run("Get-ImageItem $image /docs/readme.txt | Get-ImageItemContent -Raw").WithoutErrors().Single<string>());
        Assert.Equal("127.0.0.1 localhost\n"u8.ToArray(), _session.Run("Get-ImageItemContent $image /etc/hosts -AsByteStream").WithoutErrors().Single<byte[]>());
        byte[] holes = _session.Run("Get-ImageItemContent $image /holes -AsByteStream").WithoutErrors().Single<byte[]>();
        Assert.Equal((3 << 20, (byte)'e'), (holes.Length, holes[3_145_000]));
    }

    [Fact]
    public void Files_and_directories_are_restored_below_their_paths()
    {
        ItemRestoreResult result = _session.Run("Restore-ImageItem $image /docs, /etc/fstab $target").WithoutErrors().Single<ItemRestoreResult>();
        Assert.Equal((4L, 4L, 1L, 0L), (result.FileCount, result.DirectoryCount, result.LinkCount, result.FailedCount));
        Assert.Equal("/dev/sda1 / ext4 defaults 0 1\n", File.ReadAllText(Restored("etc", "fstab")));
        Assert.Equal(new string('x', 5000), File.ReadAllText(Restored("docs", "deep", "er", "file.bin")));
        Assert.False(File.Exists(Restored("etc", "hosts")));
        DateTime expected = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(6_789_012);
        Assert.Equal(expected, File.GetLastWriteTimeUtc(Restored("etc", "fstab")));
        Assert.Equal(expected, Directory.GetLastWriteTimeUtc(Restored("docs", "deep")));
    }

    [Fact]
    public void The_pipeline_restores_what_it_lists_once()
    {
        ItemRestoreResult result = _session.Run("Get-ImageItem $image -Recurse -Include docs, *.txt, er | Where-Object FullName -notlike '/odd*' | Restore-ImageItem -Destination $target")
            .WithoutErrors().Single<ItemRestoreResult>();
        Assert.Equal((3L, 0L), (result.FileCount, result.FailedCount));
        result = _session.Run("Get-ImageItem $image -Recurse -Filter *.md | Restore-ImageItem -Destination $target -Flatten").WithoutErrors().Single<ItemRestoreResult>();
        Assert.Equal("# notes\n", File.ReadAllText(Restored("notes.md")));
        Assert.Equal(0, result.DirectoryCount);
    }

    [Fact]
    public void What_is_there_stays_unless_it_is_to_be_overwritten()
    {
        Directory.CreateDirectory(Restored("etc"));
        File.WriteAllText(Restored("etc", "fstab"), "mine");
        ShellResult kept = _session.Run("Restore-ImageItem $image /etc $target");
        Assert.Equal("ItemExists", kept.ErrorId);
        Assert.Equal(1, kept.Single<ItemRestoreResult>().FileCount);
        Assert.Equal("mine", File.ReadAllText(Restored("etc", "fstab")));
        _session.Run("Restore-ImageItem $image /etc/fstab $target -Overwrite").WithoutErrors();
        Assert.StartsWith("/dev/sda1", File.ReadAllText(Restored("etc", "fstab")), StringComparison.Ordinal);
        Assert.Equal(["fstab", "hosts"], Directory.GetFileSystemEntries(Restored("etc")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void WhatIf_makes_nothing()
    {
        Assert.Contains("/etc/fstab", _session.Run("Restore-ImageItem $image /etc/fstab $target -WhatIf").WithoutErrors().Text, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_target));
    }

    [Fact]
    public void Nothing_is_written_through_a_link_that_waits_at_the_target()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Making a link needs a right on Windows.");
        string outside = Directory.CreateDirectory(_fixture.PathOf($"outside-{Guid.NewGuid():N}")).FullName;
        Directory.CreateDirectory(_target);
        Directory.CreateSymbolicLink(Restored("etc"), outside);
        Assert.Equal(["ItemRefused"], _session.Run("Restore-ImageItem $image /etc $target -Overwrite").Ids.Distinct());
        Assert.Empty(Directory.GetFileSystemEntries(outside));
        // A link in a file's place is replaced, not followed.
        File.WriteAllText(Path.Combine(outside, "victim"), "mine");
        Directory.CreateDirectory(Restored("docs"));
        File.CreateSymbolicLink(Restored("docs", "readme.txt"), Path.Combine(outside, "victim"));
        _session.Run("Restore-ImageItem $image /docs/readme.txt $target -Overwrite").WithoutErrors();
        Assert.Equal("mine", File.ReadAllText(Path.Combine(outside, "victim")));
        Assert.Null(new FileInfo(Restored("docs", "readme.txt")).LinkTarget);
    }

    [Fact]
    public void Devices_are_refused_and_setuid_is_kept_only_when_asked()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Windows has neither.");
        ShellResult all = _session.Run("Restore-ImageItem $image / $target");
        Assert.Equal("ItemRefused", all.ErrorId);
        Assert.Contains("/dev/null", all.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Restored("dev", "null")));
        Assert.Equal(3, Tool.Run("stat", "-c", "%a", Restored("bin", "tool")).Trim().Length);
        Assert.Equal("/etc", new FileInfo(Restored("odd", "outside")).LinkTarget);
        Assert.Equal("back\n", File.ReadAllText(Restored("odd", "b\\c")));
        Assert.Equal(3 << 20, new FileInfo(Restored("holes")).Length);
        // Bytes of a name that are not UTF-8 are the same bytes.
        Assert.Contains("odd/\\377\\376", Tool.Shell($"cd '{_target}' && ls -d --quoting-style=escape odd/*"), StringComparison.Ordinal);
        if (!Environment.IsPrivilegedProcess)
            return;
        _session.Run("Restore-ImageItem $image /bin/tool $target -Overwrite -PreservePermissions").WithoutErrors();
        Assert.Equal("4755 1000 1000", Tool.Run("stat", "-c", "%a %u %g", Restored("bin", "tool")).Trim());
    }
}
