using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.Items;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Items;

/// <summary>Each attack, with one thread.</summary>
public sealed class HostileItemTests() : HostileItemCases(writerCount: 0);

/// <summary>The same while several threads write.</summary>
public sealed class HostileItemThreadsTests() : HostileItemCases(writerCount: 3);

/// <summary>Each attack that an image, or somebody at the target, can try on a restore of files.</summary>
public abstract class HostileItemCases : IDisposable
{
    private readonly int _writerCount;
    private readonly TemporaryDirectory _work = new();
    private readonly List<ImageBackupException> _problems = [];
    private readonly List<string> _warnings = [];
    private readonly string _target, _outside;

    protected HostileItemCases(int writerCount)
    {
        _writerCount = writerCount;
        _target = Path.Combine(_work.Path, "target");
        _outside = Directory.CreateDirectory(Path.Combine(_work.Path, "outside")).FullName;
        File.WriteAllText(Path.Combine(_outside, "victim"), "mine");
    }

    public void Dispose()
    {
        _work.Dispose();
        GC.SuppressFinalize(this);
    }

    private ItemRestoreOptions Options => new() { Destination = _target, WriterCount = _writerCount };

    private ItemRestoreResult Restore(HostileTree tree, ItemRestoreOptions? options = null)
    {
        using ItemSource source = tree.Open();
        using var restorer = new ItemRestorer(source, options ?? Options, _problems.Add, _warnings.Add, ItemRestorer.OpenRoot(_target), OperatingSystem.IsWindows());
        restorer.Restore(tree.Item, null, CancellationToken.None);
        return restorer.Finish(CancellationToken.None);
    }

    private List<string> RestoreToWindows(HostileTree tree, ItemRestoreOptions? options = null)
    {
        var calls = new List<string>();
        using ItemSource source = tree.Open();
        using var restorer = new ItemRestorer(source, (options ?? Options) with { WriterCount = 0 }, _problems.Add, _warnings.Add, new RecordingFolder(calls), isWindows: true);
        restorer.Restore(tree.Item, null, CancellationToken.None);
        _ = restorer.Finish(CancellationToken.None);
        return calls;
    }

    private void RequireNothingOutside()
    {
        Assert.Equal(["victim"], Directory.GetFileSystemEntries(_outside).Select(Path.GetFileName));
        Assert.Equal("mine", File.ReadAllText(Path.Combine(_outside, "victim")));
        Assert.Equal(["outside", "target"], Directory.GetFileSystemEntries(_work.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    private static void SkipUnlessLinux() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Making a link needs a right on Windows.");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_link_and_a_directory_of_one_name_lead_nowhere(bool isLinkFirst)
    {
        SkipUnlessLinux();
        HostileTree.Node link = HostileTree.Link("evil", _outside), directory = HostileTree.Directory("evil", HostileTree.File("victim"), HostileTree.File("new"));
        _ = Restore(isLinkFirst ? new HostileTree(link, directory) : new HostileTree(directory, link), Options with { Overwrite = true });
        RequireNothingOutside();
        Assert.NotEmpty(_problems);
        Assert.Null(new DirectoryInfo(Path.Combine(_target, "evil")).LinkTarget);
        Assert.Equal("of the image", File.ReadAllText(Path.Combine(_target, "evil", "victim")));
    }

    [Fact]
    public void A_link_and_a_file_of_one_name_lead_nowhere()
    {
        SkipUnlessLinux();
        _ = Restore(new HostileTree(HostileTree.Link("evil", Path.Combine(_outside, "victim")), HostileTree.File("evil")), Options with { Overwrite = true });
        _ = Restore(new HostileTree(HostileTree.File("evil2"), HostileTree.Link("evil2", Path.Combine(_outside, "victim"))), Options with { Overwrite = true });
        RequireNothingOutside();
        Assert.Equal([ErrorId.ItemExists, ErrorId.ItemExists], _problems.Select(problem => problem.Id));
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("../outside/victim")]
    [InlineData("/tmp/imagebackup-hostile")]
    [InlineData("a\0b")]
    public void A_name_that_is_a_path_is_refused_of_files_directories_and_links(string name)
    {
        ItemRestoreResult result = Restore(new HostileTree(HostileTree.File(name), HostileTree.Link(name, "x"), HostileTree.Directory(name, HostileTree.File("victim"))), Options with { Overwrite = true });
        RequireNothingOutside();
        Assert.Empty(Directory.GetFileSystemEntries(_target));
        Assert.False(File.Exists("/tmp/imagebackup-hostile"));
        Assert.Equal(3, result.FailedCount);
        Assert.All(_problems, problem => Assert.Equal(ErrorId.ItemRefused, problem.Id));
    }

    [Theory]
    [InlineData(FileTreeKind.BlockDevice)]
    [InlineData(FileTreeKind.CharacterDevice)]
    [InlineData(FileTreeKind.Fifo)]
    [InlineData(FileTreeKind.Socket)]
    [InlineData(FileTreeKind.Other)]
    public void What_is_not_a_file_is_never_made(object kind)
    {
        _ = Restore(new HostileTree(new HostileTree.Node("device", (FileTreeKind)kind)), Options with { PreservePermissions = true });
        Assert.Empty(Directory.GetFileSystemEntries(_target));
        Assert.Equal(ErrorId.ItemRefused, Assert.Single(_problems).Id);
    }

    [Fact]
    public void Setuid_setgid_and_sticky_are_left_out_unless_they_are_asked_for()
    {
        SkipUnlessLinux();
        if (OperatingSystem.IsWindows())
            return;
        HostileTree tree = new(HostileTree.File("tool") with { Permissions = 0xFFF }, HostileTree.Directory("bin") with { Permissions = 0xFFF });
        _ = Restore(tree);
        const UnixFileMode special = UnixFileMode.SetUser | UnixFileMode.SetGroup | UnixFileMode.StickyBit;
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.Combine(_target, "tool")) & special);
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.Combine(_target, "bin")) & special);
        _ = Restore(tree, Options with { PreservePermissions = true, Overwrite = true });
        Assert.Equal(special, File.GetUnixFileMode(Path.Combine(_target, "tool")) & special);
    }

    [Fact]
    public void A_directory_that_is_swapped_for_a_link_meanwhile_is_written_where_it_was()
    {
        SkipUnlessLinux();
        string directory = Path.Combine(_target, "d"), moved = Path.Combine(_target, "moved");
        HostileTree.Node file = HostileTree.File("victim") with
        {
            OnOpen = () =>
            {
                Directory.Move(directory, moved);
                Directory.CreateSymbolicLink(directory, _outside);
            },
        };
        _ = Restore(new HostileTree(HostileTree.Directory("d", file, HostileTree.Link("link", "x"))), Options with { Overwrite = true });
        RequireNothingOutside();
        Assert.Equal("of the image", File.ReadAllText(Path.Combine(moved, "victim")));
        // The link and the directory's times come later, and find the way to be another.
        Assert.All(_problems, problem => Assert.Equal(ErrorId.ItemRefused, problem.Id));
        Assert.NotEmpty(_problems);
    }

    [Fact]
    public void A_link_that_appears_under_a_files_name_meanwhile_is_not_written_through()
    {
        SkipUnlessLinux();
        HostileTree.Node file = HostileTree.File("file") with { OnOpen = () => File.CreateSymbolicLink(Path.Combine(_target, "file"), Path.Combine(_outside, "victim")) };
        _ = Restore(new HostileTree(file));
        RequireNothingOutside();
    }

    [Fact]
    public void A_first_name_that_is_swapped_for_a_link_gives_no_way_out()
    {
        SkipUnlessLinux();
        HostileTree.Node first = HostileTree.File("first") with { LinkCount = 2 };
        HostileTree.Node swap = HostileTree.File("swap") with
        {
            OnOpen = () =>
            {
                File.Delete(Path.Combine(_target, "first"));
                File.CreateSymbolicLink(Path.Combine(_target, "first"), Path.Combine(_outside, "victim"));
            },
        };
        _ = Restore(new HostileTree(first, swap, first with { Name = "second" }, HostileTree.File("last")), Options with { Overwrite = true });
        RequireNothingOutside();
        Assert.NotEqual("mine", new FileInfo(Path.Combine(_target, "second")).LinkTarget is null ? File.ReadAllText(Path.Combine(_target, "second")) : "");
    }

    [Fact]
    public void A_directory_that_lies_in_itself_ends()
    {
        HostileTree.Node[] ring = [HostileTree.File("file"), null!];
        HostileTree.Node directory = new("ring", FileTreeKind.Directory) { Children = ring };
        ring[1] = directory;
        _ = Restore(new HostileTree(directory));
        Assert.Contains("lies in itself", Assert.Single(_problems).Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_target, "ring", "file")));
    }

    [Fact]
    public void On_Windows_no_name_becomes_another_and_twins_do_not_meet()
    {
        string[] refused = ["CON", "nul.txt", "COM1", "a.", "a ", "a:b", "a\\b", "..\\x", "C:", "a*", "tab\t"];
        List<string> calls = RestoreToWindows(new HostileTree([.. refused.Select(name => HostileTree.File(name)), HostileTree.File("Twin"), HostileTree.File("TWIN"), HostileTree.Directory("LPT9", HostileTree.File("x"))]));
        Assert.Equal(["create Twin", "write Twin", "set Twin"], calls);
        Assert.Equal(refused.Length + 1, _problems.Count(problem => problem.Id == ErrorId.ItemRefused));
        Assert.Equal("/TWIN", Assert.Single(_problems, problem => problem.Id == ErrorId.ItemExists).Target);
    }

    [Fact]
    public void Streams_are_written_before_the_times_and_their_names_make_no_other_files()
    {
        HostileTree tree = new(HostileTree.File("file") with { Streams = ["note", "..\\x", "a:b", "$DATA:", "", "x/y"] }) { IgnoresCase = true };
        Assert.Equal(["create file", "write file", "create file:note", "write file:note", "set file"], RestoreToWindows(tree, Options with { IncludeStreams = true }));
        Assert.Equal(5, _warnings.Count);
        Assert.Equal(["create file", "write file", "set file"], RestoreToWindows(tree));
        if (!OperatingSystem.IsLinux())
            return;
        // Elsewhere a file has none, and the restore says so of each.
        _warnings.Clear();
        Assert.Equal(1, Restore(tree, Options with { IncludeStreams = true }).FileCount);
        Assert.Equal(6, _warnings.Count);
        Assert.Equal(["file"], Directory.GetFileSystemEntries(_target).Select(Path.GetFileName));
    }

    [Fact]
    public void Many_files_in_many_directories_are_all_there_and_told()
    {
        const int directoryCount = 5, fileCount = 80;
        HostileTree.Node[] directories = [.. Enumerable.Range(0, directoryCount).Select(d => HostileTree.Directory($"d{d}",
            [.. Enumerable.Range(0, fileCount).Select(f => HostileTree.File($"f{f}", $"{d} {f}")), HostileTree.File("f7", "twice"), HostileTree.File("..", "refused")]))];
        ItemRestoreResult result = Restore(new HostileTree(directories));
        Assert.Equal((directoryCount * fileCount, directoryCount, 2 * directoryCount), (result.FileCount, result.DirectoryCount, result.FailedCount));
        Assert.Equal(directoryCount, _problems.Count(problem => problem.Id == ErrorId.ItemExists));
        for (int d = 0; d < directoryCount; d++)
        {
            string directory = Path.Combine(_target, $"d{d}");
            Assert.Equal(new DateTime(2001, 9, 9, 1, 46, 40, DateTimeKind.Utc), Directory.GetLastWriteTimeUtc(directory));
            for (int f = 0; f < fileCount; f++)
                Assert.Equal($"{d} {f}", File.ReadAllText(Path.Combine(directory, $"f{f}")));
        }
        // Once more, without the right to replace: each is told, and none is touched.
        _problems.Clear();
        Assert.Equal((0, 3 * directoryCount + (fileCount - 1) * directoryCount), Restore(new HostileTree(directories)) is var again ? (again.FileCount, again.FailedCount) : default);
        Assert.All(_problems.Where(problem => problem.Id == ErrorId.ItemExists), problem => Assert.Contains("already", problem.Message, StringComparison.Ordinal));
        Assert.Equal(directoryCount * fileCount, (int)Restore(new HostileTree(directories), Options with { Overwrite = true }).FileCount);
        Assert.Empty(Directory.GetFiles(_target, "*.tmp", SearchOption.AllDirectories));
    }

    [Fact]
    public void What_takes_the_storage_away_ends_the_restore_and_leaves_nothing_half()
    {
        HostileTree.Node bad = HostileTree.File("bad") with { OnOpen = () => throw new BlockReadException(0, 1, "away", new ImageBackupException(ErrorId.StorageUnreachable, "away")) { IsGone = true } };
        HostileTree tree = new([.. Enumerable.Range(0, 4).Select(d => HostileTree.Directory($"d{d}", [.. Enumerable.Range(0, 40).Select(f => HostileTree.File($"f{f}")), bad]))]);
        Assert.Equal(ErrorId.StorageUnreachable, Assert.Throws<ImageBackupException>(() => Restore(tree)).Id);
        Assert.All(Directory.GetFiles(_target, "*", SearchOption.AllDirectories), path => Assert.Equal("of the image", File.ReadAllText(path)));
    }

    [Fact]
    public void A_restore_that_is_stopped_while_files_are_written_ends()
    {
        using var stop = new CancellationTokenSource();
        HostileTree tree = new([.. Enumerable.Range(0, 8).Select(d => HostileTree.Directory($"d{d}", [.. Enumerable.Range(0, 40).Select(f => HostileTree.File($"f{f}") with { OnOpen = d == 2 && f == 20 ? stop.Cancel : null })]))]);
        using ItemSource source = tree.Open();
        using var restorer = new ItemRestorer(source, Options, _problems.Add, _warnings.Add, ItemRestorer.OpenRoot(_target), OperatingSystem.IsWindows());
        Assert.ThrowsAny<OperationCanceledException>(() => restorer.Restore(tree.Item, null, stop.Token));
        Assert.Empty(_problems);
        Assert.InRange(Directory.GetFiles(_target, "*", SearchOption.AllDirectories).Length, 1, 8 * 40 - 1);
    }

    [Fact]
    public void Names_of_one_file_are_made_of_the_first_one_that_is_restored()
    {
        HostileTree.Node file = HostileTree.File("one") with { LinkCount = 3 };
        List<string> calls = RestoreToWindows(new HostileTree(HostileTree.Directory("a", file), HostileTree.Directory("b", file with { Name = "two" })));
        Assert.Single(calls, call => call.StartsWith("create", StringComparison.Ordinal));
        Assert.Contains("name a\\one two", calls);
    }
}
