using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Interop.Crash;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage.Servers;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>Buckets that keep what was written, also from users who have the login: what is kept and for how long, and what a thief can do.</summary>
[Collection(ObjectStoreTests.Name)]
public sealed class S3ObjectLockTests : IDisposable
{
    private static readonly TimeSpan s_slack = TimeSpan.FromHours(1);

    private readonly CephService _ceph;
    private readonly string _bucket;
    private readonly AmazonS3Client _login;
    private readonly ResticRig _rig = new();

    public S3ObjectLockTests(CephService ceph)
    {
        ceph.Need();
        _ceph = ceph;
        _bucket = "locked-" + ceph.NewName();
        // Not by our driver: what a thief has, or the operator.
        _login = new AmazonS3Client(new BasicAWSCredentials("AKT", "SKT"), new AmazonS3Config { ServiceURL = $"http://127.0.0.1:{ceph.Port}", ForcePathStyle = true, AuthenticationRegion = "us-east-1", MaxErrorRetry = 0, RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED });
    }

    public void Dispose()
    {
        _login.Dispose();
        _rig.Dispose();
    }

    private string Url(int? port = null) => $"s3:http://127.0.0.1:{port ?? _ceph.Port}/{_bucket}/r";

    private static Dictionary<string, string> Days(int days, string? mode = null)
    {
        var options = new Dictionary<string, string> { ["s3.object-lock-days"] = days.ToString(CultureInfo.InvariantCulture) };
        if (mode is not null)
            options["s3.object-lock-mode"] = mode;
        return options;
    }

    private static ImageRepository Open(string url, Dictionary<string, string> options)
    {
        using RepositoryPassword password = TestRepository.NewPassword();
        return ImageRepository.Open(StorageRegistry.Parse(url, options), password, keyHint: null, TestContext.Current.CancellationToken);
    }

    private ImageRepository Create(Dictionary<string, string> options)
    {
        using RepositoryPassword password = TestRepository.NewPassword();
        return ImageRepository.Create(StorageRegistry.Parse(Url(), options), password, TestContext.Current.CancellationToken);
    }

    private async Task<List<S3ObjectVersion>> Versions()
    {
        ListVersionsResponse answer = await _login.ListVersionsAsync(new ListVersionsRequest { BucketName = _bucket }, TestContext.Current.CancellationToken);
        Assert.NotEqual(true, answer.IsTruncated);
        return answer.Versions ?? [];
    }

    /// <summary>Null: the object is not kept.</summary>
    private async Task<(string Mode, TimeSpan Left)?> Kept(string key)
    {
        try
        {
            ObjectLockRetention retention = (await _login.GetObjectRetentionAsync(new GetObjectRetentionRequest { BucketName = _bucket, Key = key }, TestContext.Current.CancellationToken)).Retention;
            return (retention.Mode.Value, retention.RetainUntilDate!.Value.ToUniversalTime() - DateTime.UtcNow);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    [Theory]
    [InlineData(null, "COMPLIANCE")]
    [InlineData("governance", "GOVERNANCE")]
    public async Task Every_file_is_kept_for_the_period_but_a_lock(string? mode, string expected)
    {
        using IStorage storage = CephService.Open(Url(), options: Days(7, mode));
        storage.CreateLayout(TestContext.Current.CancellationToken);
        string name = BlobId.Of("x"u8).ToString();
        foreach (StoredKind kind in new[] { StoredKind.Key, StoredKind.Lock, StoredKind.Snapshot, StoredKind.Index })
            storage.Save(kind, name, [1, 2, 3], TestContext.Current.CancellationToken);
        storage.Save(StoredKind.Config, "", [1, 2, 3], TestContext.Current.CancellationToken);
        using (IStorageUpload upload = storage.BeginUpload(StoredKind.Pack, TestContext.Current.CancellationToken))
        {
            upload.Append(new byte[100_000], 0, 100_000, TestContext.Current.CancellationToken);
            upload.Commit(name, TestContext.Current.CancellationToken);
        }
        Assert.Equal(100_000, storage.LengthOf(StoredKind.Pack, name, TestContext.Current.CancellationToken));
        List<S3ObjectVersion> versions = await Versions();
        Assert.Equal(6, versions.Count);
        foreach (S3ObjectVersion version in versions)
        {
            (string Mode, TimeSpan Left)? kept = await Kept(version.Key);
            if (version.Key.Contains("/locks/", StringComparison.Ordinal))
            {
                Assert.Null(kept);
                continue;
            }
            Assert.Equal(expected, kept?.Mode);
            Assert.InRange(kept!.Value.Left, TimeSpan.FromDays(7) - s_slack, TimeSpan.FromDays(7));
        }
        // The one file whose name is not its hash is left as it is, and a lock goes. (In a versioned bucket Ceph takes other names again: the same bytes.)
        storage.Save(StoredKind.Config, "", [9], TestContext.Current.CancellationToken);
        Assert.Equal([1, 2, 3], storage.Load(StoredKind.Config, "", 10, TestContext.Current.CancellationToken));
        storage.Delete(StoredKind.Lock, name, TestContext.Current.CancellationToken);
        Assert.Empty(storage.List(StoredKind.Lock, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_bucket_without_object_lock_is_refused_before_anything_is_written()
    {
        using (Create([]))
        {
        }
        int before = (await Versions()).Count;
        using ImageRepository repository = Open(Url(), Days(7));
        string volume = _rig.Volume("volume", 1);
        var e = Assert.Throws<ImageBackupException>(() => ResticRig.Backup(repository, volume));
        Assert.Equal(ErrorId.StorageObjectLockMissing, e.Id);
        Assert.Equal(before, (await Versions()).Count);
    }

    [Fact]
    public async Task A_backup_keeps_what_is_still_used_for_longer_once_it_is_due()
    {
        await using var proxy = new FaultyProxy(_ceph.Port);
        string volume = _rig.Volume("volume", 4);
        using (ImageRepository repository = Create(Days(2)))
            ResticRig.Backup(repository, volume);
        List<string> files = [.. (await Versions()).Where(version => version.IsDeleteMarker != true && !version.Key.Contains("/locks/", StringComparison.Ordinal)).Select(version => version.Key)];
        Assert.Contains(files, key => key.Contains("/data/", StringComparison.Ordinal));

        // Nothing is due: one question, and no extension.
        using (ImageRepository repository = Open(Url(proxy.Port), Days(2)))
            ResticRig.Backup(repository, volume);
        Assert.Empty(Extensions(proxy));

        // A longer period: all that was there has less than two thirds of it left.
        proxy.Forget();
        using (ImageRepository repository = Open(Url(proxy.Port), Days(30)))
            ResticRig.Backup(repository, volume);
        foreach (string file in files)
            Assert.InRange((await Kept(file))!.Value.Left, TimeSpan.FromDays(30) - s_slack, TimeSpan.FromDays(30));
        List<ProxyRequest> requests = [.. proxy.Requests];
        List<int> extended = [.. Extensions(proxy).Select(request => requests.IndexOf(request))];
        Assert.InRange(extended.Count, files.Count, files.Count + 8);
        // The 'config' says that all is extended, so it is the last one; and all of it comes before the new record.
        Assert.Contains("/r/config?", requests[extended.Max()].Path, StringComparison.Ordinal);
        Assert.True(extended.Max() < requests.FindIndex(request => request.Method == "PUT" && request.Path.Contains("/snapshots/", StringComparison.Ordinal) && !request.Path.Contains("?retention", StringComparison.Ordinal)));

        // A shorter one counts once the longer has run down: what is new is not kept for less than the 'config', which would not tell any more.
        proxy.Forget();
        using (ImageRepository repository = Open(Url(proxy.Port), Days(3)))
            ResticRig.Backup(repository, _rig.Volume("other", 5));
        Assert.Empty(Extensions(proxy));
        foreach (S3ObjectVersion version in (await Versions()).Where(version => version.IsDeleteMarker != true && !version.Key.Contains("/locks/", StringComparison.Ordinal)))
            Assert.InRange((await Kept(version.Key))!.Value.Left, TimeSpan.FromDays(30) - s_slack, TimeSpan.FromDays(30));
    }

    private static IEnumerable<ProxyRequest> Extensions(FaultyProxy proxy) =>
        proxy.Requests.Where(request => request.Method == "PUT" && request.Path.Contains("?retention", StringComparison.Ordinal));

    [Fact]
    public async Task What_a_thief_removes_is_restored_from_the_versions()
    {
        HostProcess.Require();
        string volume = _rig.Volume("volume", 6), id;
        using (ImageRepository repository = Create(Days(7)))
            id = ResticRig.Backup(repository, volume).Id;
        // The service tells times to the second.
        await Task.Delay(2100, TestContext.Current.CancellationToken);
        DateTimeOffset good = DateTimeOffset.UtcNow;
        await Task.Delay(2100, TestContext.Current.CancellationToken);

        List<S3ObjectVersion> versions = await Versions();
        foreach (S3ObjectVersion version in versions.Where(version => version.IsLatest == true))
            await _login.DeleteObjectAsync(_bucket, version.Key, TestContext.Current.CancellationToken);
        foreach (S3ObjectVersion version in versions.Where(version => version.IsDeleteMarker != true && !version.Key.Contains("/locks/", StringComparison.Ordinal)))
        {
            var e = await Assert.ThrowsAsync<AmazonS3Exception>(() => _login.DeleteObjectAsync(new DeleteObjectRequest { BucketName = _bucket, Key = version.Key, VersionId = version.VersionId, BypassGovernanceRetention = true }, TestContext.Current.CancellationToken));
            Assert.Equal(HttpStatusCode.Forbidden, e.StatusCode);
        }
        // And something of his own where the repository began.
        await _login.PutObjectAsync(new PutObjectRequest { BucketName = _bucket, Key = "r/config", ContentBody = "pay", UseChunkEncoding = false }, TestContext.Current.CancellationToken);
        Assert.Throws<ImageBackupException>(() => Open(Url(), []).Dispose());

        var then = new Dictionary<string, string> { ["s3.point-in-time"] = good.ToString("o", CultureInfo.InvariantCulture) };
        using (ImageRepository repository = Open(Url(), then))
        {
            Assert.Contains(ResticRig.List(repository), image => image.Id == id);
            _rig.AssertRestores(repository, id, volume);
            Assert.Equal(ErrorId.RepositoryReadOnly, Assert.Throws<ImageBackupException>(() => ResticRig.Backup(repository, volume)).Id);
        }

        // As about_ImageBackup says it: out of the past into a repository that takes backups again.
        string script = $$"""
            Initialize-ImageRepository '{{_rig["again"]}}' -Confirm:$false
            $then = Connect-ImageRepository '{{Url()}}' -StorageOption @{ 's3.point-in-time' = '{{good:o}}' }
            Test-ImageRepository -ReadData | ForEach-Object IsHealthy
            Get-ImageBackup | Copy-ImageBackup -Destination '{{_rig["again"]}}'
            """;
        using HostProcess host = HostProcess.Begin(script);
        (int code, string output, string error) = host.End();
        Assert.True(code == 0, output + error);
        Assert.Contains("True", output, StringComparison.Ordinal);
        using RepositoryPassword password = TestRepository.NewPassword();
        using ImageRepository again = ImageRepository.Open(_rig["again"], password, TestContext.Current.CancellationToken);
        TestRepository.AssertHealthy(again);
        _rig.AssertRestores(again, ResticRig.List(again).Single().Id, volume);
    }

    [Fact]
    public async Task A_bucket_that_forbids_removal_takes_backups_and_expiry_and_prune_change_nothing()
    {
        string volume = _rig.Volume("volume", 9);
        using ImageRepository repository = Create([]);
        string id = ResticRig.Backup(repository, volume).Id;
        // As an operator writes it: locks may go, nothing else.
        string resources = string.Join(", ", new[] { "config", "keys/*", "snapshots/*", "index/*", "data/*" }.Select(path => $"\"arn:aws:s3:::{_bucket}/r/{path}\""));
        await _login.PutBucketPolicyAsync(_bucket, $$"""{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"], "Resource": [{{resources}}]}]}""",
            TestContext.Current.CancellationToken);
        string second = ResticRig.Backup(repository, _rig.Volume("other", 10)).Id;
        Assert.Empty(repository.Locks());
        string[] before = await Keys();
        foreach (Action removal in new Action[]
        {
            () => new RemoveJob(repository).Remove([id], null, null, TestContext.Current.CancellationToken),
            () => repository.Optimize(UnusedLimit.Default, isPlan: false, null, TestContext.Current.CancellationToken),
        })
        {
            Assert.Equal(ErrorId.StorageForbidsRemoval, Assert.Throws<ImageBackupException>(removal).Id);
        }
        Assert.Equal(before, await Keys());
        _rig.AssertRestores(repository, id, volume);
        Assert.Contains(ResticRig.List(repository), image => image.Id == second);

        async Task<string[]> Keys() => [.. ((await _login.ListObjectsV2Async(new ListObjectsV2Request { BucketName = _bucket }, TestContext.Current.CancellationToken)).S3Objects ?? []).Select(file => file.Key).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task A_prune_marks_what_it_removes_and_the_past_stays_readable()
    {
        string first = _rig.Volume("first", 7), second = _rig.Volume("second", 8), id;
        using ImageRepository repository = Create(Days(7));
        id = ResticRig.Backup(repository, first).Id;
        await Task.Delay(2100, TestContext.Current.CancellationToken);
        DateTimeOffset before = DateTimeOffset.UtcNow;
        await Task.Delay(2100, TestContext.Current.CancellationToken);
        string kept = ResticRig.Backup(repository, second).Id;
        repository.Files.Delete(StoredKind.Snapshot, id);
        Assert.NotEqual(0, repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, TestContext.Current.CancellationToken).RemovedPackCount);
        TestRepository.AssertHealthy(repository);
        _rig.AssertRestores(repository, kept, second);
        using ImageRepository past = Open(Url(), new Dictionary<string, string> { ["s3.point-in-time"] = before.ToString("o", CultureInfo.InvariantCulture) });
        _rig.AssertRestores(past, id, first);
        ResticTool.Run(Url(), "check", "--read-data");
    }
}
