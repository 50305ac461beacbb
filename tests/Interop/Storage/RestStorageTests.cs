using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Http;
using ImageBackup.Engine.Storage.Rest;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Storage.Servers;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>The contract, on a real REST server.</summary>
public sealed class RestContractTests : StorageContract
{
    private readonly RestServer _server = new();

    private protected override object Open()
    {
        IStorage storage = _server.Open("contract");
        storage.CreateLayout();
        return storage;
    }

    public override void Dispose()
    {
        base.Dispose();
        _server.Dispose();
    }
}

/// <summary>The contract once more, while the network harms every third request in each way.</summary>
public sealed class RestContractOverFaultsTests : StorageContract, IAsyncDisposable
{
    private static readonly ProxyFault[] s_faults =
        [ProxyFault.Refuse, ProxyFault.CutAnswer, ProxyFault.LoseAnswer, ProxyFault.CutRequest, ProxyFault.InternalError, ProxyFault.Busy];

    private readonly RestServer _server = new();
    private readonly FaultyProxy _proxy;

    public RestContractOverFaultsTests()
    {
        _proxy = new FaultyProxy(_server.Port)
        {
            Script = FaultyProxy.EveryThird(s_faults),
        };
    }

    private protected override object Open()
    {
        IStorage storage = _server.Open("contract", _proxy.Port, tries: 30);
        storage.CreateLayout();
        return storage;
    }

    public async ValueTask DisposeAsync()
    {
        Dispose();
        await _proxy.DisposeAsync();
        _server.Dispose();
    }
}

/// <summary>What is true of a server only: its failures, its secrets, and restic on the same repository.</summary>
public sealed partial class RestStorageTests : IAsyncDisposable
{
    private static readonly string s_name = BlobId.Of("x"u8).ToString();

    private readonly RestServer _server = new();
    private readonly FaultyProxy _proxy;

    public RestStorageTests() => _proxy = new FaultyProxy(_server.Port);

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _server.Dispose();
    }

    [Theory]
    [InlineData("Full", "RepositoryFull")]
    [InlineData("Forbidden", "RepositoryAccessDenied")]
    public void A_failure_that_will_not_pass_is_told_at_once(string fault, string id)
    {
        using IStorage storage = _server.Open("r", _proxy.Port);
        storage.CreateLayout();
        using var files = new Engine.Repository.Files.RepositoryFiles(storage);
        _proxy.Script = request => request.Method == "POST" ? Enum.Parse<ProxyFault>(fault) : ProxyFault.None;
        _proxy.Forget();
        var e = Assert.Throws<ImageBackupException>(() => files.Save(StoredKind.Index, s_name, [1, 2, 3]));
        Assert.Equal(id, e.Id.ToString());
        Assert.Single(_proxy.Requests, request => request.Method == "POST");
        AssertNoSecret(e);
    }

    [Fact]
    public void Https_to_a_server_without_TLS_is_told_as_that()
    {
        using IStorage storage = StorageRegistry.Open(StorageRegistry.Parse($"rest:https://127.0.0.1:{_server.Port}/r/"));
        var e = Assert.Throws<StorageException>(() => storage.Load(StoredKind.Config, "", 10));
        Assert.Equal(StorageProblem.Untrusted, e.Problem);
        Assert.Contains("is not TLS", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_that_is_too_busy_is_given_the_time_that_it_asks_for()
    {
        using IStorage storage = _server.Open("r", _proxy.Port);
        storage.CreateLayout();
        int left = 1;
        _proxy.Script = _ => Interlocked.Decrement(ref left) >= 0 ? ProxyFault.TooMany : ProxyFault.None;
        var clock = Stopwatch.StartNew();
        Assert.False(storage.Exists(StoredKind.Config, ""));
        Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(0.9), $"It waited {clock.Elapsed}.");
    }

    [Fact]
    public void A_server_that_says_nothing_any_more_is_given_up()
    {
        using IStorage storage = _server.Open("r", _proxy.Port, idle: TimeSpan.FromSeconds(0.3), tries: 1);
        _proxy.Script = _ => ProxyFault.Hang;
        Assert.Equal(StorageProblem.Unreachable, Assert.Throws<StorageException>(() => storage.Load(StoredKind.Config, "", 10)).Problem);
        Assert.Equal(StorageProblem.Unreachable, Assert.Throws<StorageException>(() => storage.Save(StoredKind.Index, s_name, new byte[10])).Problem);
    }

    [Fact]
    public async Task A_command_that_is_stopped_waits_for_no_server()
    {
        using IStorage storage = _server.Open("r", _proxy.Port);
        _proxy.Script = _ => ProxyFault.Hang;
        using var stop = new CancellationTokenSource();
        Task loading = Task.Run(() => storage.Load(StoredKind.Config, "", 10, stop.Token), CancellationToken.None);
        while (_proxy.Requests.Count == 0)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loading).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void An_upload_whose_answer_was_lost_is_sent_once()
    {
        using IStorage storage = _server.Open("r", _proxy.Port);
        storage.CreateLayout();
        byte[] content = SeededBytes.Make(1, 100_000);
        int left = 1;
        _proxy.Script = request => request.Method == "POST" && Interlocked.Decrement(ref left) >= 0 ? ProxyFault.LoseAnswer : ProxyFault.None;
        _proxy.Forget();
        using (IStorageUpload upload = storage.BeginUpload(StoredKind.Pack))
        {
            upload.Append(content, 0, content.Length);
            upload.Commit(s_name);
        }
        Assert.Equal(content, storage.Load(StoredKind.Pack, s_name, 1 << 20));
        Assert.Single(_proxy.Requests, request => request.Method == "POST");
    }

    [Fact]
    public void A_wrong_password_and_a_server_that_is_not_there_are_told_apart()
    {
        string wrong = _server.Url("r").Replace(RestServer.UserName, "nobody", StringComparison.Ordinal);
        var refused = Assert.Throws<ImageBackupException>(() => ImageRepository.ThrowIfNone(StorageRegistry.Parse(wrong)));
        Assert.Equal(ErrorId.StorageLoginRefused, refused.Id);
        AssertNoSecret(refused);
        foreach (string host in new[] { $"127.0.0.1:{RestServer.FreePort()}", "no-such-host.invalid:8000" })
        {
            using IStorage storage = new RetryingStorage(Engine.Storage.Rest.RestLocation.Open(StorageRegistry.Parse($"rest:http://{host}/r/")),
                [.. Enumerable.Repeat(TimeSpan.FromMilliseconds(10), 1000)]);
            using var files = new Engine.Repository.Files.RepositoryFiles(storage);
            Assert.Equal(ErrorId.StorageUnreachable, Assert.Throws<ImageBackupException>(() => files.Exists(StoredKind.Config, "")).Id);
        }
        var none = Assert.Throws<ImageBackupException>(() => ImageRepository.ThrowIfNone(StorageRegistry.Parse(_server.Url("nothing-here"))));
        Assert.Equal(ErrorId.RepositoryNotFound, none.Id);
        AssertNoSecret(none);
    }

    [Fact]
    public void What_is_shown_of_a_location_has_no_password_and_names_it_again()
    {
        StorageLocation location = StorageRegistry.Parse(_server.Url("r"));
        Assert.Equal($"rest:http://{RestServer.UserName}@127.0.0.1:{_server.Port}/r/", location.DisplayName);
        Assert.Equal(location.DisplayName, StorageRegistry.Parse(location.DisplayName).DisplayName);
        Assert.Equal(location.DisplayName, location.ToString());
    }

    [Fact]
    public void A_server_that_only_appends_takes_backups_and_says_what_it_does_not_remove()
    {
        using var server = new RestServer("--append-only");
        using IStorage storage = server.Open("r");
        storage.CreateLayout();
        storage.Save(StoredKind.Snapshot, s_name, [1]);
        storage.Save(StoredKind.Lock, s_name, [1]);
        storage.Delete(StoredKind.Lock, s_name);
        Assert.Equal(StorageProblem.RemovalForbidden, Assert.Throws<StorageException>(() => storage.Delete(StoredKind.Snapshot, s_name)).Problem);
        Assert.True(storage.Exists(StoredKind.Snapshot, s_name));
    }

    [Fact]
    public void Removal_and_prune_are_refused_before_they_change_anything()
    {
        using var server = new RestServer("--append-only");
        using var rig = new ResticRig();
        using RepositoryPassword password = TestRepository.NewPassword();
        using ImageRepository repository = ImageRepository.Create(server.Open("r"), password, TestContext.Current.CancellationToken);
        string id = ResticRig.Backup(repository, rig.Volume("volume", 7)).Id;
        string[] before = Files(server);
        foreach (Action removal in new Action[]
        {
            () => new RemoveJob(repository).Remove([id], null, null, TestContext.Current.CancellationToken),
            () => repository.Optimize(UnusedLimit.Default, isPlan: false, null, TestContext.Current.CancellationToken),
        })
        {
            Assert.Equal(ErrorId.StorageForbidsRemoval, Assert.Throws<ImageBackupException>(removal).Id);
        }
        Assert.Equal(before, Files(server));
    }

    private static string[] Files(RestServer server) => [.. Directory.GetFiles(server.Folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    [Fact]
    public void Ours_over_the_server_is_whole_for_restic_and_restics_for_us() => BothTools.AssertWhole(StorageRegistry.Parse(_server.Url("both")), _server.Url("both"));

    [Fact]
    public void The_cache_is_restics_and_both_ways_spare_the_server()
    {
        using var rig = new ResticRig();
        using RepositoryPassword password = TestRepository.NewPassword();
        string cache = RepositoryCache.DefaultBase()!;
        StorageLocation location = StorageRegistry.Parse(_server.Url("cached", _proxy.Port));
        ImageRepository Open() => ImageRepository.Open(location, password, keyHint: null, TestContext.Current.CancellationToken);
        int Loads() => _proxy.Requests.Count(request => request.Method == "GET" && (request.Path.Contains("/index/", StringComparison.Ordinal) || request.Path.Contains("/snapshots/", StringComparison.Ordinal))
            && !request.Path.EndsWith('/'));
        string id;
        using (ImageRepository repository = ImageRepository.Create(location, password, TestContext.Current.CancellationToken))
        {
            id = repository.Id;
            ResticRig.Backup(repository, rig.Volume("volume", 9));
        }
        // What we wrote lies in the cache: restic loads none of it.
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(cache, id, "index"), "*", SearchOption.AllDirectories));
        _proxy.Forget();
        ResticRun(cache, "backup", rig["volume"]);
        Assert.Equal(0, Loads());
        // And what restic wrote is there for us.
        using (ImageRepository repository = Open())
        {
            repository.LoadIndex(TestContext.Current.CancellationToken);
            Assert.NotEmpty(ResticRig.List(repository));
        }
        Assert.Equal(0, Loads());
        // One that somebody damaged is loaded again, and one that the server has no more goes.
        string[] kept = Directory.GetFiles(Path.Combine(cache, id, "index"), "*", SearchOption.AllDirectories);
        File.SetAttributes(kept[0], FileAttributes.Normal);
        byte[] good = File.ReadAllBytes(kept[0]);
        File.WriteAllBytes(kept[0], SeededBytes.Make(1, good.Length));
        string gone = Path.Combine(Path.GetDirectoryName(kept[0])!, BlobId.Of("gone"u8).ToString());
        File.WriteAllBytes(gone, good);
        using (ImageRepository repository = Open())
            repository.LoadIndex(TestContext.Current.CancellationToken);
        Assert.Equal(1, Loads());
        Assert.Equal(good, File.ReadAllBytes(kept[0]));
        Assert.False(File.Exists(gone));
    }

    [Fact]
    public void An_unchanged_backup_with_a_warm_cache_asks_little()
    {
        using var rig = new ResticRig();
        string volume = rig.Volume("volume", 11);
        using RepositoryPassword password = TestRepository.NewPassword();
        StorageLocation location = StorageRegistry.Parse(_server.Url("few", _proxy.Port));
        using (ImageRepository repository = ImageRepository.Create(location, password, TestContext.Current.CancellationToken))
            ResticRig.Backup(repository, volume);
        _proxy.Forget();
        using (ImageRepository repository = ImageRepository.Open(location, password, keyHint: null, TestContext.Current.CancellationToken))
            ResticRig.Backup(repository, volume);
        // Opening: config, keys, the key. Then each list once, but for the index, which is looked at again when the lock has settled: who held
        // the repository may have removed something. Nothing is read of packs. Eleven without the opening.
        Assert.Equal(
        [
            "DELETE locks/*: 1", "GET config: 1", "GET data/: 1", "GET index/: 2", "GET keys/*: 1", "GET keys/: 1", "GET locks/: 1", "GET snapshots/: 1",
            "POST data/*: 2", "POST index/*: 1", "POST locks/*: 1", "POST snapshots/*: 1",
        ], Asked());
    }

    [Fact]
    public void Packs_of_trees_are_kept_as_restic_keeps_them_and_nothing_is_believed_of_them()
    {
        using var rig = new ResticRig();
        string cache = RepositoryCache.DefaultBase()!, id, image, volume = rig.Volume("volume", 12);
        using RepositoryPassword password = TestRepository.NewPassword();
        StorageLocation location = StorageRegistry.Parse(_server.Url("cached", _proxy.Port));
        ImageRepository Open() => ImageRepository.Open(location, password, keyHint: null, TestContext.Current.CancellationToken);
        string[] Kept() => Directory.GetFiles(Path.Combine(cache, id, "data"), "*", SearchOption.AllDirectories);
        int PackReads() => _proxy.Requests.Count(request => request.Method == "GET" && request.Path.Contains("/data/", StringComparison.Ordinal) && !request.Path.EndsWith('/'));
        int Load()
        {
            _proxy.Forget();
            using ImageRepository repository = Open();
            ImageContent.Load(repository, image, repository.LoadIndex(TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
            return PackReads();
        }
        using (ImageRepository repository = ImageRepository.Create(location, password, TestContext.Current.CancellationToken))
        {
            id = repository.Id;
            image = ResticRig.Backup(repository, volume).Id;
        }
        // What we wrote is there; restic reads it and adds its own, and may remove what is not of trees.
        Assert.All(Kept(), path => Assert.Equal(Path.GetFileName(path), BlobId.Of(File.ReadAllBytes(path)).ToString()));
        Assert.Equal(0, Load());
        ResticRun(cache, "ls", image);
        ResticRun(cache, "backup", rig["volume"]);
        Assert.NotEmpty(Kept());
        Assert.InRange(Load(), 0, 2);
        // One that somebody damaged is read of the server, whole, and takes its place.
        foreach (string path in Kept())
        {
            File.SetAttributes(path, FileAttributes.Normal);
            File.WriteAllBytes(path, SeededBytes.Make(3, (int)new FileInfo(path).Length));
        }
        Assert.InRange(Load(), 1, 3);
        int again = Load();
        // Who proves what lies on the server reads it there.
        _proxy.Forget();
        using (ImageRepository repository = Open())
            TestRepository.AssertHealthy(repository);
        Assert.True(PackReads() > again, $"{PackReads()} reads of packs by the check, {again} by who uses the cache.");
        // One that no index lists any more goes.
        string gone = Path.Combine(Path.GetDirectoryName(Kept()[0])!, BlobId.Of("gone"u8).ToString());
        File.WriteAllBytes(gone, [1]);
        Load();
        Assert.False(File.Exists(gone));
    }

    /// <summary>How often what was asked, in order; a file's name is an asterisk.</summary>
    private string[] Asked() =>
    [
        .. _proxy.Requests.Select(request => $"{request.Method} {NameInPath().Replace(request.Path.Split('/', 3)[^1], "*")}").GroupBy(what => what)
            .Select(asked => $"{asked.Key}: {asked.Count()}").Order(StringComparer.Ordinal),
    ];

    [GeneratedRegex("[0-9a-f]{64}")]
    private static partial Regex NameInPath();

    private void ResticRun(string cache, params string[] arguments)
    {
        using Process restic = Process.Start(WithCache(cache, arguments))!;
        restic.StandardOutput.ReadToEnd();
        Assert.True(restic.WaitForExit(TimeSpan.FromMinutes(2)) && restic.ExitCode == 0);
    }

    private ProcessStartInfo WithCache(string cache, params string[] arguments)
    {
        var start = new ProcessStartInfo(ResticTool.Find("restic")!, ["-r", _server.Url("cached", _proxy.Port), "--cache-dir", cache, .. arguments]) { RedirectStandardOutput = true };
        start.Environment["RESTIC_PASSWORD"] = TestRepository.Password;
        return start;
    }

    [Fact]
    public void A_backup_over_a_bad_network_is_whole()
    {
        using var rig = new ResticRig();
        string volume = rig.Volume("volume", 5);
        _proxy.Script = request => request.Number % 4 == 0 ? (ProxyFault)(1 + request.Number / 4 % 4) : ProxyFault.None;
        string id;
        ImageRepository Connected(int port)
        {
            using RepositoryPassword password = TestRepository.NewPassword();
            IStorage storage = _server.Open("bad", port, tries: 30);
            return port == _proxy.Port ? ImageRepository.Create(storage, password, TestContext.Current.CancellationToken)
                : ImageRepository.Open(storage, password, TestContext.Current.CancellationToken);
        }
        using (ImageRepository repository = Connected(_proxy.Port))
        {
            id = ResticRig.Backup(repository, volume).Id;
            rig.AssertRestores(repository, id, volume);
        }
        using (ImageRepository repository = Connected(_server.Port))
        {
            TestRepository.AssertHealthy(repository);
            rig.AssertRestores(repository, id, volume);
        }
        ResticTool.Run(_server.Url("bad"), "check", "--read-data");
    }

    private static void AssertNoSecret(Exception e)
    {
        for (Exception? at = e; at is not null; at = at.InnerException)
        {
            foreach (string secret in new[] { RestServer.Password, Uri.EscapeDataString(RestServer.Password), "Basic " })
                Assert.DoesNotContain(secret, at.ToString(), StringComparison.Ordinal);
        }
    }
}

/// <summary>Whom we trust, and who trusts us.</summary>
public sealed class RestTlsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly TestAuthority _own, _other;

    public RestTlsTests()
    {
        _own = new TestAuthority("own", _directory["own"]);
        _other = new TestAuthority("other", _directory["other"]);
    }

    public void Dispose()
    {
        _own.Dispose();
        _other.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Only_the_authority_that_is_named_is_trusted_and_the_message_says_why_not()
    {
        _own.Issue("server", TimeSpan.FromDays(1));
        using var server = new RestServer("--cert", _own["server.crt"], "--key", _own["server.key"]);
        Assert.Null(Failure(server, new HttpAccess { Authorities = HttpClients.LoadCertificates(_own["ca.pem"]) }));
        AssertUntrusted(server, new HttpAccess { Authorities = HttpClients.LoadCertificates(_other["ca.pem"]) }, "no authority that was named");
        AssertUntrusted(server, new HttpAccess(), "authority is not trusted here");
    }

    [Fact]
    public void A_certificate_that_has_expired_is_not_trusted()
    {
        _own.Issue("server", TimeSpan.FromMinutes(-5));
        using var server = new RestServer("--cert", _own["server.crt"], "--key", _own["server.key"]);
        AssertUntrusted(server, new HttpAccess { Authorities = HttpClients.LoadCertificates(_own["ca.pem"]) }, "expired at");
    }

    [Fact]
    public void A_server_that_wants_our_certificate_gets_it()
    {
        _own.Issue("server", TimeSpan.FromDays(1));
        _own.Issue("client", TimeSpan.FromDays(1));
        using var server = new RestServer("--cert", _own["server.crt"], "--key", _own["server.key"], "--client-ca", _own["ca.pem"]);
        HttpAccess without = new() { Authorities = HttpClients.LoadCertificates(_own["ca.pem"]) };
        Assert.Null(Failure(server, without with { ClientCertificate = HttpClients.LoadIdentity(_own["client.pem"]) }));
        AssertUntrusted(server, without, "certificate");
    }

    private static void AssertUntrusted(RestServer server, HttpAccess access, string text)
    {
        StorageException? e = Failure(server, access);
        Assert.NotNull(e);
        Assert.True(e.Problem == StorageProblem.Untrusted, e.ToString());
        Assert.Contains(text, e.Message, StringComparison.Ordinal);
    }

    private static StorageException? Failure(RestServer server, HttpAccess access)
    {
        var root = new Uri($"https://127.0.0.1:{server.Port}/r/");
        using var storage = new RestStorage(StorageRegistry.Parse("rest:" + root), root, access with { UserName = RestServer.UserName, Password = RestServer.Password });
        try
        {
            storage.CreateLayout();
            Assert.False(storage.Exists(StoredKind.Config, ""));
            return null;
        }
        catch (StorageException e)
        {
            return e;
        }
    }
}
