using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.Versioning;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Jobs;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Storage;

/// <summary>Somebody with write access to a repository's directory puts other things where its files should be.</summary>
public sealed class HostileDirectoryTests : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);
    private static readonly string s_name = BlobId.Of("hostile"u8).ToString();

    private readonly TemporaryDirectory _directory = new();
    private readonly string _path;
    private readonly VolumeDouble _volumes = new();

    public HostileDirectoryTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Symbolic links and pipes of Unix.");
        _path = _directory["repo"];
        TestRepository.WriteEmpty(_path);
        _volumes.Add("/mem/a", SeededBytes.Make(1, 300_000));
        Directory.CreateDirectory(_directory["outside"]);
        File.WriteAllText(_directory["outside/precious"], "precious");
    }

    public void Dispose() => _directory.Dispose();

    private ImageBackupInfo Backup()
    {
        using ImageRepository repository = TestRepository.Open(_path);
        return new BackupJob(repository, _volumes).Run(new BackupRequest { Volume = _volumes.Find("/mem/a"), ChunkSizeBytes = 64 << 10 }, null, CancellationToken.None);
    }

    [Theory]
    [InlineData("index")]
    [InlineData("snapshots")]
    [InlineData("locks")]
    [InlineData("keys")]
    public async Task A_pipe_in_a_files_place_holds_nobody(string place)
    {
        using (Process make = Process.Start("mkfifo", Path.Combine(_path, place, s_name)))
            await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        Task<ErrorId?> work = Task.Run(() =>
        {
            try
            {
                Backup();
                return (ErrorId?)null;
            }
            catch (ImageBackupException e)
            {
                return e.Id;
            }
        });
        Assert.True(await Task.WhenAny(work, Task.Delay(s_limit, TestContext.Current.CancellationToken)) == work, "Somebody waits at the pipe.");
        // A snapshot and a key that are none are passed over; nobody can tell what an unreadable lock protects.
        Assert.Equal(place switch { "index" => ErrorId.IndexCorrupt, "locks" => ErrorId.RepositoryLocked, _ => null }, await work);
    }

    [Fact]
    public void Nothing_outside_is_changed_or_removed_through_a_link()
    {
        string outside = _directory["outside"], precious = Path.Combine(outside, "precious");
        // A file of the repository that is a link, and leftovers in tmp that are.
        File.CreateSymbolicLink(Path.Combine(_path, "snapshots", s_name), precious);
        Directory.CreateDirectory(Path.Combine(_path, "tmp"));
        File.CreateSymbolicLink(Path.Combine(_path, "tmp", $"imagebackup-{new string([.. Engine.Compat.LocalHost.Name.Where(char.IsLetterOrDigit)])}-99999999-{Guid.NewGuid():N}"), precious);
        Backup();
        using (ImageRepository repository = TestRepository.Open(_path))
        {
            RepositoryRepairResult repair = repository.Repair(new RepositoryRepairOptions { ReadData = true }, null, CancellationToken.None);
            Assert.Equal([s_name], repair.RemovedSnapshots);
        }
        Assert.Equal("precious", File.ReadAllText(precious));
        Assert.Equal([precious], Directory.GetFileSystemEntries(outside));
        Assert.False(File.Exists(Path.Combine(_path, "snapshots", s_name)));
    }

    [Fact]
    public void Names_that_are_none_are_passed_over()
    {
        foreach (string name in new[] { "..x", "README", s_name[..63], s_name + "0", s_name.ToUpperInvariant(), "-rf", "a b" })
        {
            File.WriteAllText(Path.Combine(_path, "snapshots", name), "x");
            File.WriteAllText(Path.Combine(_path, "index", name), "x");
        }
        Directory.CreateDirectory(Path.Combine(_path, "index", BlobId.Of("d"u8).ToString()));
        ImageBackupInfo image = Backup();
        using ImageRepository repository = TestRepository.Open(_path);
        TestRepository.AssertHealthy(repository);
        Assert.Equal(image.Id, Assert.Single(new ImageCatalog(repository).List(new ImageFilter(), e => Assert.Fail(e.ToString()), CancellationToken.None)).Id);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void Every_file_is_the_owners_alone()
    {
        Backup();
        foreach (string file in Directory.GetFiles(_path, "*", SearchOption.AllDirectories))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        foreach (string directory in Directory.GetDirectories(_path, "*", SearchOption.AllDirectories))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
    }
}
