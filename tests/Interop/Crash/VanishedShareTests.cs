using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.FileSystems;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Interop.Crash;

/// <summary>The repository's share goes away in the midst of the work, and comes back or does not.</summary>
public sealed class VanishedShareTests : IDisposable
{
    /// <summary>Many packs: the share must go away after the first and before the last, however late this thread sees it.</summary>
    private const int VolumeBytes = 96 << 20;

    /// <summary>Before a backup in the Host: the smallest packs that there are.</summary>
    private const string SmallPacks = "$env:RESTIC_PACK_SIZE = 4; ";

    private readonly TemporaryDirectory _directory = new();
    private readonly FuseShare _share;
    private readonly string _volume;

    public VanishedShareTests()
    {
        HostProcess.Require();
        _share = new FuseShare(_directory);
        _volume = _directory["volume.img"];
        File.WriteAllBytes(_volume, SeededBytes.Make(5, VolumeBytes));
        TestRepository.WriteEmpty(Repository);
    }

    private string Repository => Path.Combine(_share.Path, "repo");

    public void Dispose()
    {
        _share.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_backup_ends_with_a_clear_error_leaves_no_half_file_and_the_next_one_goes_on()
    {
        string earlier = _directory["earlier.img"];
        File.WriteAllBytes(earlier, SeededBytes.Make(6, 3_000_000));
        string earlierId;
        using (ImageRepository repository = TestRepository.Open(Repository))
            earlierId = ResticRig.Backup(repository, earlier, 1 << 20).Id;
        int packs = Files("data").Length;
        var clock = Stopwatch.StartNew();
        using (HostProcess host = HostProcess.Begin($"{SmallPacks}Backup-VolumeImage '{_volume}' -Repository '{Repository}' -ChunkSize 1MB"))
        {
            AwaitPack(host, Repository, packs);
            _share.GoAway();
            (int code, string output, string error) = host.End();
            Assert.Equal(1, code);
            // The first call after the cut is told that its connection was aborted, later ones that there is none.
            Assert.True(Names(error, ErrorId.RepositoryWriteFailed) || Names(error, ErrorId.RepositoryReadFailed)
                || error.Contains("not connected", StringComparison.Ordinal), error + output);
        }
        Assert.True(clock.Elapsed < TimeSpan.FromMinutes(4), "It held on for too long.");

        _share.ComeBack();
        // Every file under a final name is whole: its name is its content's hash.
        foreach (string file in Files("data").Concat(Files("index")).Concat(Files("snapshots")))
            Assert.Equal(Path.GetFileName(file), Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))));
        int landed = Files("data").Length;
        Assert.True(landed > packs);
        Assert.Single(Files("snapshots"));
        using (HostProcess again = HostProcess.Begin($"(Backup-VolumeImage '{_volume}' -Repository '{Repository}' -ChunkSize 1MB).NewChunkCount"))
        {
            (int code, string output, string error) = again.End();
            Assert.True(code == 0, error + output);
            // PowerShell's console shows warnings before it, on the output.
            Assert.InRange(int.Parse(output.TrimEnd().Split('\n')[^1], System.Globalization.CultureInfo.InvariantCulture), 0, VolumeBytes / (1 << 20) - 1);
        }
        using ImageRepository opened = TestRepository.Open(Repository);
        Assert.Equal(0, TestRepository.AssertHealthy(opened).UnreferencedPackCount);
        Assert.Empty(Files("tmp"));
        AssertRestores(opened, earlierId, earlier);
        AssertRestores(opened, ResticRig.List(opened).Single(i => i.Id != earlierId).Id, _volume);
    }

    [Fact]
    public void What_lies_under_an_unmounted_share_is_not_written_to()
    {
        // A directory in a mount's place can be unmounted while files on it are open, and nothing that was open fails.
        string server = _directory["server"], point = _directory["point"], repository = Path.Combine(point, "repo");
        Directory.CreateDirectory(server);
        Directory.CreateDirectory(point);
        Tool.Run("mount", "--bind", server, point);
        try
        {
            TestRepository.WriteEmpty(repository);
            using HostProcess host = HostProcess.Begin($"{SmallPacks}Backup-VolumeImage '{_volume}' -Repository '{repository}' -ChunkSize 1MB");
            AwaitPack(host, repository, 0);
            Tool.Run("umount", "-l", point);
            (int code, string output, string error) = host.End();
            Assert.True(code == 1 && Names(error, ErrorId.RepositoryWriteFailed), error + output);
            Assert.Empty(Directory.GetFileSystemEntries(point));
        }
        finally
        {
            Tool.TryRun("umount", "-l", point);
        }
        using ImageRepository opened = TestRepository.Open(Path.Combine(server, "repo"));
        Assert.Empty(ResticRig.List(opened));
        string id = ResticRig.Backup(opened, _volume, 1 << 20).Id;
        TestRepository.AssertHealthy(opened);
        AssertRestores(opened, id, _volume);
    }

    [Fact]
    public void A_restore_waits_for_a_share_that_comes_back()
    {
        string id = Backup();
        // As on a network's share, but for its waits' length: this one may be slow to be mounted.
        Thread? back = null;
        IStorage storage = Storage([.. Enumerable.Repeat(TimeSpan.FromSeconds(1), 60)], () =>
        {
            _share.GoAway();
            back = new Thread(() =>
            {
                Thread.Sleep(1500);
                _share.ComeBack();
            });
            back.Start();
        });
        using ImageRepository repository = TestRepository.Open(storage);
        string target = _directory["out.img"];
        new RestoreJob(repository, VolumeSystem.Current).Run(new RestoreRequest { ImageId = id, Destination = target }, null, CancellationToken.None);
        Assert.True(back is not null, "The share did not go away.");
        back.Join();
        ResticRig.AssertSame(_volume, target);
    }

    [Fact]
    public void A_restore_ends_where_the_share_stays_away_and_leaves_nothing_under_the_target_s_name()
    {
        string id = Backup();
        TimeSpan[] waits = [TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(200)];
        string target = _directory["out.img"];
        using (ImageRepository repository = TestRepository.Open(Storage(waits, _share.GoAway)))
        {
            ImageBackupException e = Assert.Throws<ImageBackupException>(() => new RestoreJob(repository, VolumeSystem.Current).Run(
                new RestoreRequest { ImageId = id, Destination = target }, null, CancellationToken.None));
            Assert.Equal(ErrorId.RepositoryReadFailed, e.Id);
            Assert.False(File.Exists(target));
            Assert.Empty(Directory.GetFiles(_directory.Path, "*out.img*"));
        }
        _share.ComeBack();
        using ImageRepository back = TestRepository.Open(Repository);
        back.RemoveLocks(all: true, CancellationToken.None);
        AssertRestores(back, id, _volume);
    }

    private string Backup()
    {
        using ImageRepository repository = TestRepository.Open(Repository);
        return ResticRig.Backup(repository, _volume, 1 << 20).Id;
    }

    /// <summary>Until the backup has more packs in the repository than there were before it.</summary>
    private static void AwaitPack(HostProcess host, string repository, int countBefore)
    {
        while (Files(repository, "data").Length <= countBefore)
        {
            Assert.False(host.HasEnded, "The backup ended before its first pack was there.");
            Thread.Sleep(1);
        }
    }

    /// <summary>The Host prints what an error id means, not the id.</summary>
    private static bool Names(string error, ErrorId id) => error.Contains(ErrorTable.Get(id).Meaning, StringComparison.Ordinal);

    private string[] Files(string kind) => Files(Repository, kind);

    private static string[] Files(string repository, string kind)
    {
        string path = Path.Combine(repository, kind);
        return Directory.Exists(path) ? Directory.GetFiles(path, "*", SearchOption.AllDirectories) : [];
    }

    private void AssertRestores(ImageRepository repository, string id, string volume)
    {
        string path = _directory["restored.img"];
        new RestoreJob(repository, VolumeSystem.Current).Run(new RestoreRequest { ImageId = id, Destination = path, ReplaceFile = true }, null, CancellationToken.None);
        ResticRig.AssertSame(volume, path);
    }

    /// <summary>The share as a network's, but for the waits; at the tenth chunk that is read something happens.</summary>
    private RetryingStorage Storage(TimeSpan[] waits, Action atTheTenth)
    {
        int read = 0;
        var watched = new FaultyStorage(new LocalStorage(Repository))
        {
            Script = call =>
            {
                if (call is { Operation: StorageOperation.ReadAt, Kind: StoredKind.Pack } && Interlocked.Increment(ref read) == 10)
                    atTheTenth();
                return null;
            },
        };
        return new RetryingStorage(watched, waits);
    }
}
