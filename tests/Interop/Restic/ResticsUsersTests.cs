using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using Xunit;

namespace ImageBackup.Tests.Interop.Restic;

/// <summary>What restic's users have: their password files, their other snapshots, their odd times and their damaged locks.</summary>
public sealed class ResticsUsersTests : IDisposable
{
    private readonly ResticRig _rig = new();

    public void Dispose() => _rig.Dispose();

    public static TheoryData<string> PasswordFiles => new("utf-8", "utf-8 marked", "utf-16", "utf-16BE", "latin-1", "blanks", "wide blanks", "two lines");

    private static byte[] PasswordFileContent(string kind) => kind switch
    {
        "utf-8" => Encoding.UTF8.GetBytes("pässwörd\n"),
        "utf-8 marked" => [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes("pässwörd\r\n")],
        "utf-16" => [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("pässwörd\r\n")],
        "utf-16BE" => [.. Encoding.BigEndianUnicode.Preamble, .. Encoding.BigEndianUnicode.GetBytes("pässwörd\n")],
        "latin-1" => Encoding.Latin1.GetBytes("pässwörd\n"),
        "blanks" => "\t \v a b \f\r\n\n"u8.ToArray(),
        "wide blanks" => Encoding.UTF8.GetBytes("\u00A0\u2003\u3000secret\u1680\u2028\u0085\n"),
        _ => "one\ntwo\r\n"u8.ToArray(),
    };

    /// <summary>A password file that restic opens its repository with opens it here, and it is the same password.</summary>
    [Theory]
    [MemberData(nameof(PasswordFiles))]
    public void A_password_file_is_read_as_restic_reads_it(string kind)
    {
        string file = _rig["password"];
        File.WriteAllBytes(file, PasswordFileContent(kind));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        ResticTool.Run(_rig["repo"], "init", "--password-file", file);
        using RepositoryPassword password = PasswordFile.Read(file);
        using ImageRepository repository = ImageRepository.Open(_rig["repo"], password, CancellationToken.None);
        Assert.Equal(2, repository.FormatVersion);
    }

    [Theory]
    [InlineData("0001-01-01T00:00:00+09:00")]
    [InlineData("9999-12-31T23:59:59-05:00")]
    [InlineData("0001-01-01T00:00:00Z")]
    [InlineData("2026-11-29T01:02:03.123456789+23:59")]
    public void A_snapshot_of_any_time_is_listed_pruned_around_and_kept(string time)
    {
        string volume = _rig.Volume("volume", 1, 2 << 20);
        using ImageRepository repository = _rig.CreateByRestic("repo");
        ResticTool.Run(_rig["repo"], "backup", volume);
        string old = Assert.Single(repository.Files.List(StoredKind.Snapshot)).Name;
        string json = Encoding.UTF8.GetString(repository.Files.LoadSealed(StoredKind.Snapshot, old, repository.Sealers));
        int start = json.IndexOf("\"time\":\"", StringComparison.Ordinal) + 8;
        json = json[..start] + time + json[json.IndexOf('"', start)..];
        string id = repository.Files.SaveSealed(StoredKind.Snapshot, Encoding.UTF8.GetBytes(json), 2, repository.Sealers);
        repository.Files.Delete(StoredKind.Snapshot, old);
        Assert.Contains(id[..8], ResticTool.Run(_rig["repo"], "snapshots"));

        // That a clock was wrong may be said; that the snapshot cannot be read not.
        ImageBackupInfo image = Assert.Single(new ImageCatalog(repository).List(
            new ImageFilter { IncludeInactive = true, Retention = new ImageRetention() }, e => Assert.False(e is ImageBackupException { Id: ErrorId.SnapshotCorrupt }, e.Message), CancellationToken.None));
        Assert.Equal((id, false), (image.Id, image.IsExpired));
        repository.Optimize(UnusedLimit.Default, false, null, CancellationToken.None);
        RepositoryRepairResult repair = repository.Repair(new RepositoryRepairOptions { RemoveUnreadable = true }, null, CancellationToken.None);
        Assert.Empty(repair.UnreadableFiles);
        Assert.Empty(repair.RemovedSnapshots);
        _rig.AssertRestores(repository, id, volume);
        ResticTool.Run(_rig["repo"], "check");
    }

    [Fact]
    public void A_snapshot_of_two_files_is_passed_over_aloud()
    {
        string one = _rig.Volume("one", 1, 1 << 20), two = _rig.Volume("two", 2, 1 << 20);
        using ImageRepository repository = _rig.CreateByRestic("repo");
        ResticTool.Run(_rig["repo"], "backup", one, two);
        ResticTool.Run(_rig["repo"], "backup", one);
        var told = new List<string>();
        IReadOnlyList<ImageBackupInfo> images = new ImageCatalog(repository) { OnPassedOver = told.Add }
            .List(new ImageFilter { IncludeInactive = true }, e => Assert.Fail(e.ToString()), CancellationToken.None);
        Assert.Equal(one, Assert.Single(images).Volume);
        string other = Assert.Single(repository.Files.List(StoredKind.Snapshot), file => file.Name != images[0].Id).Name;
        Assert.StartsWith("1 snapshot record(s)", Assert.Single(told));
        Assert.Contains($"{other[..8]} ({one}, {two} on ", told[0]);
        Assert.Equal(ErrorId.ImageInvalid, Assert.Throws<ImageBackupException>(() => new ImageCatalog(repository).Find(other[..10], CancellationToken.None)).Id);
    }

    /// <summary>A power cut's lock of 0 bytes: restic needs 'unlock --remove-all', we the same in our words.</summary>
    [Fact]
    public void A_lock_of_zero_bytes_is_removed_if_that_is_said()
    {
        using ImageRepository repository = _rig.CreateByRestic("repo");
        string path = Path.Combine(_rig["repo"], "locks", new string('0', 64));
        File.WriteAllBytes(path, []);
        Assert.Equal(ErrorId.RepositoryLocked, Assert.Throws<ImageBackupException>(() => repository.Optimize(UnusedLimit.Default, false, null, CancellationToken.None)).Id);
        Assert.Empty(repository.RemoveLocks(all: false, CancellationToken.None));
        Assert.True(File.Exists(path));
        Assert.Single(repository.RemoveLocks(found => !found.IsReadable, CancellationToken.None).Removed);
        Assert.False(File.Exists(path));
        repository.Optimize(UnusedLimit.Default, false, null, CancellationToken.None);
        ResticTool.Run(_rig["repo"], "check");
    }
}
