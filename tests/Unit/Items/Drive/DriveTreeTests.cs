using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Items.Drive;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.FileSystems;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Items.Drive;

/// <summary>A repository as a drive: what is looked up once is known, and what changes meanwhile is an error or is found again.</summary>
public sealed class DriveTreeTests : IDisposable
{
    private static readonly byte[] s_files = SeedImage.Load("files-ext4");

    private readonly JobRig _rig;
    private readonly DriveTree _tree;
    private CountingStorage? _storage;

    public DriveTreeTests()
    {
        _rig = new JobRig(TestRepository.NewStorage(), memory => _storage = new CountingStorage(memory));
        _tree = new DriveTree(() => _rig.Repository);
    }

    private int ReadCount => _storage!.Reads.Count + Enum.GetValues<StoredKind>().Sum(_storage.LoadCount);

    public void Dispose()
    {
        _tree.Dispose();
        _rig.Dispose();
    }

    private static CancellationToken None => CancellationToken.None;

    /// <summary>The names that lead to an image of a small ext4; each volume another.</summary>
    private string[] BackUp(string volume)
    {
        _rig.Volumes.Add(volume, (byte[])s_files.Clone());
        ImageBackupInfo image = _rig.Backup(volume);
        return [image.ComputerName, DriveNames.OfVolume(volume), "latest"];
    }

    private bool Exists(params string[] names)
    {
        using DriveLease? lease = _tree.Acquire(names, None);
        return lease is not null;
    }

    private string Text(params string[] names)
    {
        using var reader = new StreamReader(_tree.OpenContent(names, null, None), Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static ErrorId Fails(Action action) => Assert.Throws<ImageBackupException>(action).Id;

    [Fact]
    public void Everything_that_is_listed_is_found_by_its_path_and_only_that()
    {
        string[] image = BackUp("/mem/a");
        using DriveLease root = _tree.Acquire([], None)!;
        DriveNode[] all = [.. _tree.Below(root.Node, int.MaxValue, problem => Assert.Fail(problem.Message), None)];
        Assert.Equal(all.Length, all.Select(node => string.Join("/", node.PathNames)).Distinct().Count());
        Assert.Contains(all, node => node.Item?.Entry.Name == "b\\c");
        Assert.Contains(all, node => node.Item?.Entry.Name == "TWIN");
        Assert.Contains(all, node => node.Item?.Entry.Name == "twin");
        foreach (DriveNode node in all)
        {
            using DriveLease? found = _tree.Acquire(node.PathNames, None);
            Assert.NotNull(found);
            Assert.Equal(node.Item?.Entry.FileId, found.Node.Item?.Entry.FileId);
            Assert.Equal(node.PathNames, found.Node.PathNames);
            Assert.Equal(node.IsContainer, found.Node.IsContainer);
            Assert.False(Exists([.. node.PathNames, "nothing"]));
        }
        Assert.False(Exists([.. image, "ETC"]));
        Assert.False(Exists([.. image, "odd", "%2E%2E", "etc"]));
        Assert.Equal("/dev/sda1 / ext4 defaults 0 1\n", Text([.. image, "etc", "fstab"]));
        Assert.Equal(ErrorId.ItemUnreadable, Fails(() => Text([.. image, "etc"])));
        Assert.Equal(ErrorId.ItemUnreadable, Fails(() => Text(image)));
        Assert.Equal(ErrorId.ItemNotFound, Fails(() => Text([.. image, "nothing"])));
    }

    /// <summary>PowerShell asks several times for each item of each command.</summary>
    [Fact]
    public void Asking_again_reads_nothing()
    {
        string[] image = BackUp("/mem/a");
        string[][] paths = [[.. image, "docs", "deep", "er", "file.bin"], [.. image, "docs"], [.. image, "nothing", "below"], [.. image, "etc", "fstab", "below"], image, image[..2], []];
        foreach (string[] path in paths)
            Exists(path);
        long before = _tree.LookupCount, reads = ReadCount;
        for (int i = 0; i < 100; i++)
        {
            foreach (string[] path in paths)
                Exists(path);
        }
        Assert.Equal(before, _tree.LookupCount);
        Assert.Equal(reads, ReadCount);
        // What a listing has shown is known too.
        using (DriveLease docs = _tree.Acquire([.. image, "docs"], None)!)
            Assert.Equal(4, _tree.Children(docs.Node, _ => { }, None).Count());
        before = _tree.LookupCount;
        Assert.True(Exists([.. image, "docs", "readme.txt"]));
        Assert.Equal(before, _tree.LookupCount);
    }

    [Fact]
    public void No_more_images_are_open_than_the_bound_and_one_that_is_read_stays()
    {
        string[][] images = [.. Enumerable.Range(0, DriveTree.MaxOpenCount + 3).Select(i => BackUp($"/mem/v{i}"))];
        using DriveLease held = _tree.Acquire([.. images[0], "etc"], None)!;
        using Stream stream = _tree.OpenContent([.. images[0], "etc", "fstab"], null, None);
        foreach (string[] image in images)
            Assert.True(Exists([.. image, "etc", "hosts"]));
        // Its image was let go of, and closes when the last reader has finished.
        Assert.True(held.Node.Open!.IsForgotten);
        Assert.Equal("/dev/sda1", new StreamReader(stream).ReadToEnd()[..9]);
        Assert.Equal(2, _tree.Children(held.Node, _ => { }, None).Count());
        stream.Dispose();
        Parallel.For(0, 200, i => Assert.True(Exists([.. images[i % images.Length], "etc", "hosts"])));
    }

    [Fact]
    public void An_image_that_was_removed_is_said_to_be()
    {
        string[] image = BackUp("/mem/a");
        using DriveLease root = _tree.Acquire(image, None)!;
        Assert.True(Exists([.. image, "etc"]));
        new RemoveJob(_rig.Repository).Remove([root.Node.Image!.Info.Id], null, null, None);
        Assert.Equal(ErrorId.ImageNotFound, Fails(() => Text([.. image, "etc", "fstab"])));
        Assert.Equal(ErrorId.ImageNotFound, Fails(() => Assert.Empty(_tree.Children(root.Node, _ => { }, None))));
        Assert.False(Exists(image));
        Assert.False(Exists(image[0]));
    }

    [Fact]
    public void An_image_that_goes_while_it_is_read_is_said_to_be()
    {
        string[] image = BackUp("/mem/a");
        using Stream stream = _tree.OpenContent([.. image, "holes"], null, None);
        using DriveLease root = _tree.Acquire(image, None)!;
        new RemoveJob(_rig.Repository).Remove([root.Node.Image!.Info.Id], null, null, None);
        _rig.Repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, None);
        // What was read before may still be had; what is not must be an error of the image.
        var buffer = new byte[1 << 20];
        Exception? failure = Record.Exception(() =>
        {
            while (stream.Read(buffer, 0, buffer.Length) > 0)
            {
            }
        });
        Assert.True(failure is null or ImageBackupException { Id: ErrorId.ImageNotFound }, failure?.ToString());
    }

    [Fact]
    public void Packs_that_were_written_anew_are_found_again()
    {
        _rig.Volumes.Add("/mem/gone", JobRig.Content("abcdef"));
        ImageBackupInfo gone = _rig.Backup("/mem/gone");
        string[] image = BackUp("/mem/a");
        Assert.True(Exists([.. image, "etc", "fstab"]));
        new RemoveJob(_rig.Repository).Remove([gone.Id], null, null, None);
        _rig.Repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, None);
        using DriveLease root = _tree.Acquire(image, None)!;
        foreach (DriveNode node in _tree.Below(root.Node, int.MaxValue, problem => Assert.Fail(problem.Message), None).Where(node => node.Item!.Entry.Kind == Engine.FileSystems.Trees.FileTreeKind.File).ToList())
            Assert.Equal(node.Item!.Entry.SizeBytes, Drain(node.PathNames));
    }

    private long Drain(IReadOnlyList<string> names)
    {
        using Stream stream = _tree.OpenContent(names, null, None);
        stream.CopyTo(Stream.Null);
        return stream.Length;
    }

    [Fact]
    public void A_new_image_is_there_at_once()
    {
        string[] first = BackUp("/mem/a");
        Assert.True(Exists(first));
        string[] second = BackUp("/mem/b");
        Assert.True(Exists([.. second, "etc", "fstab"]));
        using DriveLease computer = _tree.Acquire(first[..1], None)!;
        Assert.Equal(2, _tree.Children(computer.Node, _ => { }, None).Count());
    }

    [Fact]
    public void An_image_of_no_file_system_that_is_known_is_an_error_of_its_own()
    {
        _rig.Volumes.Add("/mem/raw", JobRig.Content("abc"));
        ImageBackupInfo raw = _rig.Backup("/mem/raw");
        string[] image = BackUp("/mem/a");
        Assert.Equal(ErrorId.FileSystemNotBrowsable, Fails(() => Exists(raw.ComputerName, "mem_raw", "latest", "x")));
        Assert.True(Exists(raw.ComputerName, "mem_raw", "latest"));
        // It keeps nobody from the others.
        var problems = new List<ImageBackupException>();
        using DriveLease root = _tree.Acquire([], None)!;
        DriveNode[] all = [.. _tree.Below(root.Node, int.MaxValue, problems.Add, None)];
        Assert.Contains(all, node => node.Item?.Entry.Name == "fstab" && node.PathNames[1] == image[1]);
        Assert.Equal(ErrorId.FileSystemNotBrowsable, Assert.Single(problems).Id);
    }

    [Fact]
    public void What_goes_on_after_the_drive_has_gone_is_told_so()
    {
        string[] image = BackUp("/mem/a");
        Stream stream = _tree.OpenContent([.. image, "etc", "fstab"], null, None);
        _tree.Dispose();
        Assert.Equal(ErrorId.RepositoryNotConnected, Fails(() => Exists(image)));
        Assert.Equal("/dev/sda1 / ext4 defaults 0 1\n", new StreamReader(stream).ReadToEnd());
        stream.Dispose();
    }
}
