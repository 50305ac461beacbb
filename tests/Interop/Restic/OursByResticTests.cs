using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text.Json;
using System.Threading;
using ImageBackup.Engine.Copying;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Restic;

/// <summary>What we wrote, in restic's hands.</summary>
public sealed class OursByResticTests : IDisposable
{
    private readonly ResticRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Theory]
    [InlineData(64 << 10, 1_000_000)]
    [InlineData(1 << 20, 9_437_184 + 12_345)]
    [InlineData(4 << 20, 9_437_184)]
    public void Checked_dumped_restored_and_found(int chunkSize, int lengthBytes)
    {
        string volume = _rig.Volume("a.img", 1, lengthBytes);
        using ImageRepository repository = _rig.Create("repo");
        ImageBackupInfo image = ResticRig.Backup(repository, volume, chunkSize);
        Assert.Contains("no errors were found", ResticTool.Run(_rig["repo"], "check", "--read-data"), StringComparison.Ordinal);
        Assert.True(ResticTool.OutputEquals(_rig["repo"], volume, "dump", "latest", "volume.img"));
        Assert.True(ResticTool.OutputEquals(_rig["repo"], volume, "dump", image.ShortId, "/volume.img"));

        ResticTool.Run(_rig["repo"], "restore", image.Id, "--target", _rig["by-restic"]);
        ResticRig.AssertSame(volume, _rig["by-restic/volume.img"]);
        Assert.Equal(["image.json", "used.ranges", "volume.img"], Directory.GetFiles(_rig["by-restic"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        using JsonDocument metadata = JsonDocument.Parse(File.ReadAllBytes(_rig["by-restic/image.json"]));
        Assert.Equal(lengthBytes, metadata.RootElement.GetProperty("sizeBytes").GetInt64());

        using JsonDocument snapshots = JsonDocument.Parse(ResticTool.Run(_rig["repo"], "snapshots", "--json", "--tag", "imagebackup", "--path", volume));
        JsonElement snapshot = Assert.Single(snapshots.RootElement.EnumerateArray());
        Assert.Equal((image.Id, Environment.MachineName), (snapshot.GetProperty("id").GetString(), snapshot.GetProperty("hostname").GetString()));
        Assert.Contains("volume.img", ResticTool.Run(_rig["repo"], "find", "volume.img"), StringComparison.Ordinal);
        Assert.Contains($" {lengthBytes} ", ResticTool.Run(_rig["repo"], "ls", "-l", "latest"), StringComparison.Ordinal);
        Assert.Empty(repository.Locks());
    }

    [Fact]
    public void However_it_was_compressed()
    {
        using ImageRepository repository = _rig.Create("repo");
        foreach (ImageCompression compression in new[] { ImageCompression.Off, ImageCompression.Fastest, ImageCompression.Better, ImageCompression.Max })
        {
            string volume = _rig.Volume($"{compression}.img", 10 + (int)compression, 3_000_000);
            ImageBackupInfo image = ResticRig.Backup(repository, volume, compression: compression);
            Assert.True(ResticTool.OutputEquals(_rig["repo"], volume, "dump", image.ShortId, "volume.img"));
        }
        Assert.Contains("no errors were found", ResticTool.Run(_rig["repo"], "check", "--read-data"), StringComparison.Ordinal);
    }

    /// <summary>restic's own parent and stats code walks our trees too.</summary>
    [Fact]
    public void Counted_and_compared()
    {
        string volume = _rig.Volume("a.img", 1);
        using ImageRepository repository = _rig.Create("repo");
        string first = ResticRig.Backup(repository, volume).Id;
        using (FileStream file = File.OpenWrite(volume))
            file.WriteByte(77);
        string second = ResticRig.Backup(repository, volume).Id;
        using JsonDocument stats = JsonDocument.Parse(ResticTool.Run(_rig["repo"], "stats", "--json", "latest"));
        Assert.True(stats.RootElement.GetProperty("total_size").GetInt64() > new FileInfo(volume).Length);
        Assert.Contains("volume.img", ResticTool.Run(_rig["repo"], "diff", first, second), StringComparison.Ordinal);
    }

    [Fact]
    public void Copied_to_another_repository_and_restored_by_us_from_there()
    {
        string volume = _rig.Volume("a.img", 2);
        using ImageRepository repository = _rig.Create("repo");
        ImageBackupInfo image = ResticRig.Backup(repository, volume);
        using ImageRepository other = _rig.CreateByRestic("other");
        ResticTool.Copy(_rig["repo"], _rig["other"]);
        ImageBackupInfo copied = Assert.Single(ResticRig.List(other));
        Assert.True(copied.IsOurs);
        Assert.Equal((image.Volume, image.SizeBytes, image.ChunkCount, image.BackupTime), (copied.Volume, copied.SizeBytes, copied.ChunkCount, copied.BackupTime));
        Assert.NotEqual(image.Id, copied.Id);
        _rig.AssertRestores(other, copied.Id, volume);
        // And what restic copied is known to our next backup.
        Assert.Equal(0, ResticRig.Backup(other, volume).NewChunkCount);
        ResticTool.Run(_rig["other"], "check", "--read-data");
    }

    /// <summary>One's copy is known to the other, in both directions; restic's own image too.</summary>
    [Fact]
    public void Copied_by_us_to_a_repository_of_restic_and_known_to_its_copy()
    {
        string volume = _rig.Volume("a.img", 5), foreign = _rig.Volume("b.img", 6);
        using ImageRepository repository = _rig.Create("repo");
        ResticRig.Backup(repository, volume);
        ResticTool.RunWithInput(_rig["repo"], foreign, "backup", "--stdin", "--stdin-filename", "b.img", "-q");
        using ImageRepository other = _rig.CreateByRestic("other");
        var copies = new List<ImageCopyResult>();
        using (var job = new CopyJob(repository, other, isPlan: false, CancellationToken.None))
        {
            Assert.True(job.CutsDiffer);
            copies.AddRange(ResticRig.List(repository).OrderBy(image => image.IsOurs).Select(image => job.Copy(image, null, CancellationToken.None)));
        }
        Assert.Equal([true, true], copies.Select(copy => copy.IsNew));
        Assert.Contains("no errors were found", ResticTool.Run(_rig["other"], "check", "--read-data"), StringComparison.Ordinal);
        Assert.True(ResticTool.OutputEquals(_rig["other"], volume, "dump", copies[1].CopyId!, "volume.img"));
        Assert.True(ResticTool.OutputEquals(_rig["other"], foreign, "dump", copies[0].CopyId!, "b.img"));

        ResticTool.Copy(_rig["repo"], _rig["other"]);
        Assert.Equal(2, ResticRig.List(other).Length);
        using ImageRepository third = _rig.CreateByRestic("third");
        ResticTool.Copy(_rig["other"], _rig["third"]);
        using var again = new CopyJob(repository, third, isPlan: false, CancellationToken.None);
        Assert.All(ResticRig.List(repository), image => Assert.False(again.Copy(image, null, CancellationToken.None).IsNew));
    }

    [Fact]
    public void Forgotten_and_pruned_and_ours_goes_on()
    {
        string a = _rig.Volume("a.img", 3), b = _rig.Volume("b.img", 4);
        using ImageRepository repository = _rig.Create("repo");
        ResticRig.Backup(repository, a);
        string kept = ResticRig.Backup(repository, b).Id, gone = ResticRig.List(repository).First(i => i.Volume == a).Id;
        long before = Size(StoredKind.Pack);
        ResticTool.Run(_rig["repo"], "forget", gone, "--prune", "--max-unused", "0");
        Assert.True(Size(StoredKind.Pack) < before * 2 / 3);
        ResticTool.Run(_rig["repo"], "check", "--read-data");
        TestRepository.AssertHealthy(repository);
        _rig.AssertRestores(repository, kept, b);

        // The pruned chunks are not taken for stored.
        ImageBackupInfo again = ResticRig.Backup(repository, a);
        Assert.True(again.NewChunkCount > 0);
        _rig.AssertRestores(repository, again.Id, a);
        Assert.Equal(0, ResticRig.Backup(repository, b).NewChunkCount);
        ResticTool.Run(_rig["repo"], "prune");
        ResticTool.Run(_rig["repo"], "check", "--read-data");
        _rig.AssertRestores(repository, again.Id, a);
    }

    [Fact]
    public void Tagged_which_rewrites_the_snapshot()
    {
        string volume = _rig.Volume("a.img", 5);
        using ImageRepository repository = _rig.Create("repo");
        ImageBackupInfo image = ResticRig.Backup(repository, volume);
        ResticTool.Run(_rig["repo"], "tag", "--add", "keep", "latest");
        ImageBackupInfo tagged = Assert.Single(ResticRig.List(repository));
        Assert.NotEqual(image.Id, tagged.Id);
        Assert.Equal(["keep"], tagged.Tags);
        Assert.True(tagged.IsOurs);
        Assert.Equal((image.SizeBytes, image.ChunkSizeBytes, image.ImageType, image.SectorSizeBytes), (tagged.SizeBytes, tagged.ChunkSizeBytes, tagged.ImageType, tagged.SectorSizeBytes));
        _rig.AssertRestores(repository, tagged.Id, volume);
    }

    [Fact]
    public void Its_index_rebuilt()
    {
        string volume = _rig.Volume("a.img", 6);
        using ImageRepository repository = _rig.Create("repo");
        string id = ResticRig.Backup(repository, volume).Id;
        ResticRig.Backup(repository, _rig.Volume("b.img", 7));
        int files = Directory.GetFiles(_rig["repo/index"]).Length;
        Assert.True(files > 1);
        ResticTool.RebuildIndex(_rig["repo"], "--read-all-packs");
        Assert.Single(Directory.GetFiles(_rig["repo/index"]));
        _rig.AssertRestores(repository, id, volume);
        Assert.Equal(0, ResticRig.Backup(repository, volume).NewChunkCount);

        foreach (string index in Directory.GetFiles(_rig["repo/index"]))
            File.Delete(index);
        Assert.Equal(ErrorId.ChunkMissing, Assert.ThrowsAny<ImageBackupException>(() => _rig.AssertRestores(repository, id, volume)).Id);
        ResticTool.RebuildIndex(_rig["repo"]);
        _rig.AssertRestores(repository, id, volume);
    }

    /// <summary>restic 0.16 and later: what is left of an image whose pack is gone is never taken for the image.</summary>
    [Fact]
    public void Its_snapshots_repaired()
    {
        Assert.SkipUnless(ResticTool.IsAtLeast(0, 16), "This restic has no 'repair snapshots' (0.16).");
        string a = _rig.Volume("a.img", 21), b = _rig.Volume("b.img", 23);
        using ImageRepository repository = _rig.Create("repo");
        string whole = ResticRig.Backup(repository, a).Id;
        HashSet<string> before = [.. Directory.GetFiles(_rig["repo/data"], "*", SearchOption.AllDirectories)];
        string damaged = ResticRig.Backup(repository, b).Id;
        File.Delete(Directory.GetFiles(_rig["repo/data"], "*", SearchOption.AllDirectories).Where(f => !before.Contains(f)).MaxBy(f => new FileInfo(f).Length)!);
        ResticTool.RebuildIndex(_rig["repo"]);
        ResticTool.Run(_rig["repo"], "repair", "snapshots", "--forget");
        ResticTool.Run(_rig["repo"], "check", "--read-data");
        _rig.AssertRestores(repository, whole, a);
        ImageBackupInfo? rest = ResticRig.List(repository).FirstOrDefault(i => i.Id != whole);
        Assert.NotEqual(damaged, rest?.Id);
        if (rest is { IsOurs: true })
            Assert.Throws<ImageBackupException>(() => _rig.AssertRestores(repository, rest.Id, b));
        // The volume is still there: its next image is whole.
        _rig.AssertRestores(repository, ResticRig.Backup(repository, b).Id, b);
    }

    [Fact]
    public void Mounted_and_read()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists("/dev/fuse"), "There is no /dev/fuse, or this is not root.");
        string volume = _rig.Volume("a.img", 25), point = Directory.CreateDirectory(_rig["point"]).FullName;
        using ImageRepository repository = _rig.Create("repo");
        string id = ResticRig.Backup(repository, volume).ShortId;
        using Process restic = ResticTool.Begin(_rig["repo"], ["mount", point]);
        try
        {
            string file = Path.Combine(point, "ids", id, "volume.img");
            Assert.True(SpinWait.SpinUntil(() => File.Exists(file) || restic.HasExited, TimeSpan.FromMinutes(2)) && !restic.HasExited, "restic mounted nothing.");
            Assert.Equal(SHA256.HashData(File.ReadAllBytes(volume)), SHA256.HashData(File.ReadAllBytes(file)));
        }
        finally
        {
            using Process unmount = Process.Start("umount", ["--lazy", point]);
            unmount.WaitForExit();
            if (!restic.WaitForExit(TimeSpan.FromMinutes(1)))
                restic.Kill();
        }
    }

    [Fact]
    public void Opened_by_a_key_that_restic_added()
    {
        using ImageRepository repository = _rig.Create("repo");
        File.WriteAllText(_rig["second"], "another password");
        ResticTool.Run(_rig["repo"], "key", "add", "--new-password-file", _rig["second"]);
        using RepositoryPassword password = TestRepository.NewPassword("another password");
        using ImageRepository opened = ImageRepository.Open(_rig["repo"], password, CancellationToken.None);
        Assert.NotEqual(repository.KeyName, opened.KeyName);
        Assert.Equal(repository.Id, opened.Id);
    }

    private long Size(StoredKind kind) => new DirectoryInfo(Path.Combine(_rig["repo"], kind == StoredKind.Pack ? "data" : "index"))
        .EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);
}
