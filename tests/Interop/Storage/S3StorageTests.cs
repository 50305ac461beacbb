using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Amazon;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Storage.Servers;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>The contract, on a real S3 service.</summary>
[Collection(ObjectStoreTests.Name)]
public sealed class S3ContractTests(CephService ceph) : StorageContract
{
    private protected override object Open()
    {
        ceph.Need();
        IStorage storage = CephService.Open(ceph.Url(ceph.NewName()));
        storage.CreateLayout();
        return storage;
    }
}

/// <summary>The contract once more, while the network harms every third request in each way.</summary>
[Collection(ObjectStoreTests.Name)]
public sealed class S3ContractOverFaultsTests : StorageContract, IAsyncDisposable
{
    private static readonly ProxyFault[] s_faults =
        [ProxyFault.Refuse, ProxyFault.CutAnswer, ProxyFault.LoseAnswer, ProxyFault.CutRequest, ProxyFault.InternalError, ProxyFault.Busy];

    private readonly CephService _ceph;
    private readonly FaultyProxy _proxy;

    public S3ContractOverFaultsTests(CephService ceph)
    {
        _ceph = ceph;
        _proxy = new FaultyProxy(ceph.Port)
        {
            Script = FaultyProxy.EveryThird(s_faults),
        };
    }

    private protected override object Open()
    {
        _ceph.Need();
        IStorage storage = CephService.Open(_ceph.Url(_ceph.NewName(), _proxy.Port), tries: 30);
        storage.CreateLayout();
        return storage;
    }

    public async ValueTask DisposeAsync()
    {
        Dispose();
        await _proxy.DisposeAsync();
    }
}

/// <summary>What is true of an S3 service only: its failures, each by its id, and restic on the same repository.</summary>
[Collection(ObjectStoreTests.Name)]
public sealed class S3StorageTests : IAsyncDisposable
{
    private const string OtherSecret = "a-secret-that-nobody-may-see";

    private static readonly string s_name = BlobId.Of("x"u8).ToString();

    private readonly CephService _ceph;
    private readonly FaultyProxy _proxy;

    public S3StorageTests(CephService ceph)
    {
        ceph.Need();
        _ceph = ceph;
        _proxy = new FaultyProxy(ceph.Port);
    }

    public async ValueTask DisposeAsync()
    {
        AWSConfigs.ManualClockCorrection = null;
        foreach (string name in new[] { "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION" })
            Environment.SetEnvironmentVariable(name, null);
        await _proxy.DisposeAsync();
    }

    private static ErrorId IdOf(IStorage storage, Action<RepositoryFiles> action)
    {
        using var files = new RepositoryFiles(storage);
        var e = Assert.Throws<ImageBackupException>(() => action(files));
        for (Exception? at = e; at is not null; at = at.InnerException)
        {
            foreach (string secret in new[] { OtherSecret, "SKT", "Signature=" })
                Assert.DoesNotContain(secret, at.ToString(), StringComparison.Ordinal);
        }
        return e.Id;
    }

    private static ErrorId IdOf(string url, Dictionary<string, string>? options = null) =>
        IdOf(CephService.Open(url, options: options), files => files.Exists(StoredKind.Config, ""));

    [Fact]
    public void A_bucket_that_is_not_there_and_a_login_that_is_refused_have_their_ids()
    {
        Assert.Equal(ErrorId.StorageContainerMissing, IdOf($"s3:http://127.0.0.1:{_ceph.Port}/no-such-bucket/r"));
        Environment.SetEnvironmentVariable("AWS_SECRET_ACCESS_KEY", OtherSecret);
        Assert.Equal(ErrorId.StorageLoginRefused, IdOf(_ceph.Url("r")));
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID", "NOBODY");
        Assert.Equal(ErrorId.StorageLoginRefused, IdOf(_ceph.Url("r")));
    }

    [Fact]
    public void A_new_repository_s_bucket_is_made()
    {
        string url = $"s3:http://127.0.0.1:{_ceph.Port}/fresh-bucket/r";
        using RepositoryPassword password = TestRepository.NewPassword();
        StorageLocation location = StorageRegistry.Parse(url);
        ImageRepository.ThrowIfTaken(location);
        using (ImageRepository.Create(location, password, TestContext.Current.CancellationToken))
        {
        }
        Assert.Equal(ErrorId.RepositoryExists, Assert.Throws<ImageBackupException>(() => ImageRepository.ThrowIfTaken(location)).Id);
        ResticTool.Run(url, "check");
    }

    [Fact]
    public void Another_s_bucket_and_a_full_one_have_their_ids()
    {
        using (IStorage own = CephService.Open(_ceph.Url(_ceph.NewName())))
            own.CreateLayout();
        _ceph.Administer("user", "create", "--uid=u2", "--display-name=u2", "--access-key=AK2", "--secret-key=" + OtherSecret);
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID", "AK2");
        Environment.SetEnvironmentVariable("AWS_SECRET_ACCESS_KEY", OtherSecret);
        Assert.Equal(ErrorId.RepositoryAccessDenied, IdOf(_ceph.Url("r")));
        // A login that may not remove is told so, whatever else it may do.
        Assert.Equal(ErrorId.StorageForbidsRemoval, IdOf(CephService.Open(_ceph.Url("r")), files => files.ThrowIfRemovalForbidden()));
        string url = $"s3:http://127.0.0.1:{_ceph.Port}/small-bucket/r";
        using (IStorage small = CephService.Open(url))
            small.CreateLayout();
        _ceph.Administer("quota", "set", "--quota-scope=user", "--uid=u2", "--max-objects=0", "--max-size=1024");
        _ceph.Administer("quota", "enable", "--quota-scope=user", "--uid=u2");
        Assert.Equal(ErrorId.RepositoryFull, IdOf(CephService.Open(url), files =>
        {
            for (int i = 0; i < 20; i++)
                files.Save(StoredKind.Index, BlobId.Of(BitConverter.GetBytes(i)).ToString(), new byte[5000]);
        }));
    }

    [Fact]
    public void A_clock_that_goes_wrong_has_its_id()
    {
        AWSConfigs.ManualClockCorrection = TimeSpan.FromHours(2);
        Assert.Equal(ErrorId.StorageClockSkewed, IdOf(_ceph.Url("r")));
    }

    [Fact]
    public async Task An_expired_token_and_a_wrong_region_have_their_ids_and_the_right_region_is_told()
    {
        var asked = new List<string>();
        string code = "ExpiredToken", more = "";
        await using var service = new CannedService(request =>
        {
            lock (asked)
                asked.Add(request);
            return request.Contains("/eu-west-3/s3/aws4_request", StringComparison.Ordinal)
                ? "HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\n\r\n<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
                : $"HTTP/1.1 400 Bad Request\r\nContent-Type: application/xml\r\n\r\n<Error><Code>{code}</Code><Message>told</Message>{more}</Error>";
        });
        string url = $"s3:http://127.0.0.1:{service.Port}/bucket/r";
        Environment.SetEnvironmentVariable("AWS_SESSION_TOKEN", OtherSecret);
        Assert.Equal(ErrorId.StorageLoginExpired, IdOf(url));
        Assert.Contains("X-Amz-Security-Token: " + OtherSecret, asked[0], StringComparison.OrdinalIgnoreCase);
        // Nobody named a region: it is taken from the answer. A wrong one that was named is an error.
        (code, more) = ("AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>");
        using (IStorage storage = CephService.Open(url))
            Assert.False(storage.Exists(StoredKind.Config, ""));
        var wrong = new Dictionary<string, string> { ["s3.region"] = "us-west-1" };
        using (var files = new RepositoryFiles(CephService.Open(url, options: wrong)))
        {
            var e = Assert.Throws<ImageBackupException>(() => files.Exists(StoredKind.Config, ""));
            Assert.Equal(ErrorId.StorageWrongRegion, e.Id);
            Assert.Contains("is in the region 'eu-west-3'", e.Message, StringComparison.Ordinal);
        }
        Environment.SetEnvironmentVariable("AWS_DEFAULT_REGION", "eu-west-3");
        using (IStorage storage = CephService.Open(url))
            Assert.False(storage.Exists(StoredKind.Config, ""));
    }

    [Fact]
    public void An_upload_whose_answer_was_lost_is_one_file()
    {
        using IStorage storage = CephService.Open(_ceph.Url(_ceph.NewName(), _proxy.Port));
        storage.CreateLayout();
        byte[] content = SeededBytes.Make(1, 3_000_000);
        int left = 1;
        _proxy.Script = request => request.Method == "PUT" && Interlocked.Decrement(ref left) >= 0 ? ProxyFault.LoseAnswer : ProxyFault.None;
        using (IStorageUpload upload = storage.BeginUpload(StoredKind.Pack))
        {
            upload.Append(content, 0, content.Length);
            upload.Commit(s_name);
        }
        Assert.Equal(content, storage.Load(StoredKind.Pack, s_name, 1 << 23));
        Assert.Equal(2, _proxy.Requests.Count(request => request.Method == "PUT"));
    }

    [Fact]
    public async Task A_command_that_is_stopped_waits_for_no_service()
    {
        using IStorage storage = CephService.Open(_ceph.Url("r", _proxy.Port));
        _proxy.Script = _ => ProxyFault.Hang;
        using var stop = new CancellationTokenSource();
        Task loading = Task.Run(() => storage.Load(StoredKind.Config, "", 10, stop.Token), CancellationToken.None);
        while (_proxy.Requests.Count == 0)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loading).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        using IStorage impatient = CephService.Open(_ceph.Url("r", _proxy.Port), tries: 1, idle: TimeSpan.FromSeconds(0.3));
        Assert.Equal(StorageProblem.Unreachable, Assert.Throws<StorageException>(() => impatient.Save(StoredKind.Index, s_name, new byte[10])).Problem);
    }

    [Fact]
    public void Each_page_of_a_long_list_is_read_by_both_versions_of_the_api()
    {
        string url = _ceph.Url(_ceph.NewName());
        using IStorage storage = CephService.Open(url);
        storage.CreateLayout();
        Parallel.For(0, 1100, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => storage.Save(StoredKind.Pack, BlobId.Of(BitConverter.GetBytes(i)).ToString(), [1]));
        Assert.Equal(1100, storage.List(StoredKind.Pack).Select(file => file.Name).Distinct().Count());
        using IStorage old = CephService.Open(url, options: new Dictionary<string, string> { ["s3.list-objects-v1"] = "true" });
        Assert.Equal(1100, old.List(StoredKind.Pack).Select(file => file.Name).Distinct().Count());
    }

    [Fact]
    public void Ours_over_the_service_is_whole_for_restic_and_restics_for_us()
    {
        string url = _ceph.Url(_ceph.NewName());
        BothTools.AssertWhole(StorageRegistry.Parse(url), url);
    }

    [Fact]
    public void A_backup_over_a_bad_network_is_whole()
    {
        using var rig = new ResticRig();
        string volume = rig.Volume("volume", 5);
        string name = _ceph.NewName();
        _proxy.Script = request => request.Number % 4 == 0 ? (ProxyFault)(1 + request.Number / 4 % 4) : ProxyFault.None;
        using RepositoryPassword password = TestRepository.NewPassword();
        string id;
        using (ImageRepository repository = ImageRepository.Create(CephService.Open(_ceph.Url(name, _proxy.Port), tries: 30), password, TestContext.Current.CancellationToken))
        {
            id = ResticRig.Backup(repository, volume).Id;
            rig.AssertRestores(repository, id, volume);
        }
        ResticTool.Run(_ceph.Url(name), "check", "--read-data");
    }
}
