using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.Versioning;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Verify;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Interop.Volumes;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.BadInput;

/// <summary>The bad input of a real machine: rights, read-only and full disks, damaged files on disk.</summary>
[SupportedOSPlatform("linux")]
public sealed class BadInputTests : IDisposable
{
    private readonly Rig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void No_permission_on_the_repository()
    {
        Tool.RequireRoot();
        string path = NewRepository();
        // The way to it is open; it is 0700 itself.
        File.SetUnixFileMode(_rig.Directory, (UnixFileMode)0x1ED);
        OtherUser.Run(() =>
        {
            AssertFails(ErrorId.RepositoryAccessDenied, () => TestRepository.Open(path).Dispose());
            AssertFails(ErrorId.RepositoryAccessDenied, () => TestRepository.Create(Path.Combine(_rig.Directory, "new")).Dispose());
            AssertFails(ErrorId.RepositoryAccessDenied, () => TestRepository.Create(path).Dispose());
        });
        // Directories open, files 0600.
        foreach (string directory in Directory.GetDirectories(path, "*", SearchOption.AllDirectories).Append(path))
            File.SetUnixFileMode(directory, (UnixFileMode)0x1ED);
        OtherUser.Run(() => AssertFails(ErrorId.RepositoryAccessDenied, () => TestRepository.Open(path).Dispose()));
        Assert.False(Directory.Exists(_rig.Path("new")));
    }

    [Fact]
    public void A_reader_without_the_right_to_lock_restores_with_a_warning_and_cannot_back_up()
    {
        Tool.RequireRoot();
        string path = NewRepository(), volume = Volume("a.img", 300_000);
        string id = Backup(path, volume).Id;
        foreach (string entry in Directory.GetFileSystemEntries(path, "*", SearchOption.AllDirectories).Append(path).Append(_rig.Directory).Append(volume))
            File.SetUnixFileMode(entry, (UnixFileMode)(Directory.Exists(entry) ? 0x1ED : 0x1A4));
        Directory.CreateDirectory(_rig.Path("out"), (UnixFileMode)0x1FF);
        File.SetUnixFileMode(_rig.Path("out"), (UnixFileMode)0x1FF);
        OtherUser.Run(() =>
        {
            using ImageRepository repository = TestRepository.Open(path);
            RestoreResult result = Restore(repository, id, _rig.Path("out/a"));
            Assert.Contains(result.Warnings, w => w.Contains("could not be locked", StringComparison.Ordinal));
            AssertFails(ErrorId.RepositoryAccessDenied, () => Backup(path, volume));
        });
        Assert.Equal(File.ReadAllBytes(volume), File.ReadAllBytes(_rig.Path("out/a")));
    }

    [Fact]
    public void No_permission_on_the_volume_or_the_target()
    {
        Tool.RequireRoot();
        string path = NewRepository(), volume = Volume("a.img", 300_000);
        File.SetUnixFileMode(volume, UnixFileMode.UserRead);
        File.SetUnixFileMode(_rig.Directory, (UnixFileMode)0x1ED);
        using ImageRepository repository = TestRepository.Open(path);
        string id = Backup(path, volume).Id;
        string device = _rig.Loop(volume);
        VolumeDescription file = VolumeSystem.Current.Find(volume), block = VolumeSystem.Current.Find(device);
        OtherUser.Run(() =>
        {
            AssertFails(ErrorId.VolumeAccessDenied, () => VolumeSystem.Current.OpenRead(file, VolumeOpenMode.Shared).Dispose());
            ErrorId[] either = [ErrorId.VolumeAccessDenied, ErrorId.NotElevated];
            Assert.Contains(Assert.Throws<ImageBackupException>(() => VolumeSystem.Current.OpenRead(block, VolumeOpenMode.Shared).Dispose()).Id, either);
            Assert.Contains(Assert.Throws<ImageBackupException>(() => VolumeSystem.Current.OpenTarget(block).Dispose()).Id, either);
            AssertFails(ErrorId.VolumeAccessDenied, () => FileTarget.CreateNew(_rig.Path("out"), 100, replaceExisting: false).Dispose());
        });
        Assert.False(File.Exists(_rig.Path("out")));
        Assert.Equal(64, id.Length);
    }

    [Fact]
    public void A_read_only_repository_takes_no_backup_and_gives_restores_with_a_warning()
    {
        Tool.RequireRoot("mount");
        string path = NewRepository(), volume = Volume("a.img", 2_000_000);
        string id = Backup(path, volume).Id;
        string point = _rig.Mount("ro", "--bind", path);
        Tool.Run("mount", "-o", "remount,ro,bind", point);
        string[] before = Tree(path);

        AssertFails(ErrorId.RepositoryReadOnly, () => Backup(point, volume));
        AssertFails(ErrorId.RepositoryReadOnly, () => TestRepository.Create(Path.Combine(point, "tmp", "new")).Dispose());
        using ImageRepository repository = TestRepository.Open(point);
        RestoreResult result = Restore(repository, id, _rig.Path("out"));
        Assert.Contains(result.Warnings, w => w.Contains("read-only", StringComparison.Ordinal));
        Assert.Equal(File.ReadAllBytes(volume), File.ReadAllBytes(_rig.Path("out")));
        Assert.True(new VerifyJob(repository).Run(id, null, CancellationToken.None).IsWhole);
        Assert.True(repository.Check(true, null, CancellationToken.None).IsHealthy);
        Assert.Single(new ImageCatalog(repository).List(new ImageFilter(), null, CancellationToken.None));
        AssertFails(ErrorId.TargetHoldsRepository, () => Restore(repository, id, Path.Combine(point, "x")));
        Assert.Equal(before, Tree(path));
    }

    [Fact]
    public void A_full_disk_ends_the_backup_and_with_room_the_next_one_goes_on()
    {
        Tool.RequireRoot("mount");
        string point = _rig.Mount("small", "-t", "tmpfs", "-o", "size=44m", "none");
        string path = Path.Combine(point, "repo"), volume = Volume("a.img", 64 << 20);
        TestRepository.Create(path).Dispose();
        BackupRequest OneWorker(BackupRequest request) => request with { ThrottleLimit = 1, ChunkSizeBytes = 256 << 10 };

        AssertFails(ErrorId.RepositoryFull, () => Backup(path, volume, OneWorker));
        Assert.Empty(Directory.GetFiles(Path.Combine(path, "tmp")));
        Assert.Empty(Directory.GetFiles(Path.Combine(path, "locks")));
        Assert.Empty(Directory.GetFiles(Path.Combine(path, "snapshots")));
        using ImageRepository repository = TestRepository.Open(path);
        RepositoryCheckResult check = TestRepository.AssertHealthy(repository);
        Assert.Equal((2, 0), (check.PackCount, check.UnreferencedPackCount));

        Tool.Run("mount", "-o", "remount,size=200m", point);
        ImageBackupInfo next = Backup(path, volume, OneWorker);
        // What had landed, two packs of 63 or 64 chunks, is not stored again.
        Assert.InRange(next.NewChunkCount!.Value, 1, 256 - 2 * 63);
        Restore(repository, next.Id, _rig.Path("out"));
        Tool.Run("cmp", volume, _rig.Path("out"));
        TestRepository.AssertHealthy(repository);
    }

    [Fact]
    public void A_full_disk_under_a_restored_file_leaves_no_file()
    {
        Tool.RequireRoot("mount");
        string path = NewRepository(), volume = Volume("a.img", 8 << 20);
        string id = Backup(path, volume).Id;
        string point = _rig.Mount("small", "-t", "tmpfs", "-o", "size=3m", "none");
        using ImageRepository repository = TestRepository.Open(path);
        AssertFails(ErrorId.WriteFailed, () => Restore(repository, id, Path.Combine(point, "out")));
        Assert.Empty(Directory.GetFileSystemEntries(point));
    }

    [Fact]
    public void A_repository_cannot_be_made_where_there_is_no_room()
    {
        Tool.RequireRoot("mount");
        string point = _rig.Mount("small", "-t", "tmpfs", "-o", "size=1m,nr_inodes=20", "none");
        AssertFails(ErrorId.RepositoryFull, () => TestRepository.Create(Path.Combine(point, "repo")).Dispose());
    }

    [Theory]
    [InlineData("config", ErrorId.RepositoryInvalid)]
    [InlineData("keys", ErrorId.KeyCorrupt)]
    [InlineData("index", ErrorId.IndexCorrupt)]
    [InlineData("snapshots", ErrorId.SnapshotCorrupt)]
    [InlineData("data", ErrorId.ChunkCorrupt)]
    public void Cut_or_flipped_files_on_disk(string place, ErrorId id)
    {
        string path = NewRepository(), volume = Volume("a.img", 1_000_000);
        string image = Backup(path, volume).Id;
        string file = place == "config" ? Path.Combine(path, place)
            : Directory.GetFiles(Path.Combine(path, place), "*", SearchOption.AllDirectories).OrderByDescending(f => new FileInfo(f).Length).First();
        byte[] good = File.ReadAllBytes(file);
        byte[] flipped = (byte[])good.Clone();
        flipped[good.Length / 3] ^= 4;
        foreach (byte[] bad in new[] { good[..(good.Length / 2)], [], flipped })
        {
            File.WriteAllBytes(file, bad);
            string[] before = Tree(path);
            AssertFails(id, () =>
            {
                using ImageRepository repository = TestRepository.Open(path);
                Restore(repository, image, _rig.Path("out"));
            });
            Assert.False(File.Exists(_rig.Path("out")));
            Assert.Equal(before, Tree(path));
        }
        File.WriteAllBytes(file, good);
        using ImageRepository whole = TestRepository.Open(path);
        Restore(whole, image, _rig.Path("out"));
        Assert.Equal(File.ReadAllBytes(volume), File.ReadAllBytes(_rig.Path("out")));
    }

    private string NewRepository()
    {
        TestRepository.Create(_rig.Path("repo")).Dispose();
        return _rig.Path("repo");
    }

    private string Volume(string name, int lengthBytes)
    {
        File.WriteAllBytes(_rig.Path(name), SeededBytes.Make(lengthBytes, lengthBytes));
        return _rig.Path(name);
    }

    private static ImageBackupInfo Backup(string repositoryPath, string volume, Func<BackupRequest, BackupRequest>? change = null)
    {
        using ImageRepository repository = TestRepository.Open(repositoryPath);
        var request = new BackupRequest { Volume = VolumeSystem.Current.Find(volume), ChunkSizeBytes = 64 << 10 };
        return new BackupJob(repository, VolumeSystem.Current).Run(change?.Invoke(request) ?? request, null, CancellationToken.None);
    }

    private static RestoreResult Restore(ImageRepository repository, string id, string destination) =>
        new RestoreJob(repository, VolumeSystem.Current).Run(new RestoreRequest { ImageId = id, Destination = destination }, null, CancellationToken.None);

    private static void AssertFails(ErrorId id, Action action) => Assert.Equal(id, Assert.Throws<ImageBackupException>(action).Id);

    private static string[] Tree(string path) => Directory.GetFiles(path, "*", SearchOption.AllDirectories)
        .Select(f => $"{f} {new FileInfo(f).Length} {File.GetLastWriteTimeUtc(f).Ticks}").Order(StringComparer.Ordinal).ToArray();
}
