using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Sas;
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

/// <summary>The contract, on Microsoft's emulator.</summary>
[Collection(ObjectStoreTests.Name)]
public sealed class AzureContractTests(AzureService azure) : StorageContract
{
    private protected override object Open()
    {
        azure.Need();
        IStorage storage = AzureService.Open(AzureService.Url(azure.NewName()), azure.Options());
        storage.CreateLayout();
        return storage;
    }
}

/// <summary>The contract once more, while the network harms every third request in each way.</summary>
[Collection(ObjectStoreTests.Name)]
public sealed class AzureContractOverFaultsTests : StorageContract, IAsyncDisposable
{
    private static readonly ProxyFault[] s_faults =
        [ProxyFault.Refuse, ProxyFault.CutAnswer, ProxyFault.LoseAnswer, ProxyFault.CutRequest, ProxyFault.InternalError, ProxyFault.Busy];

    private readonly AzureService _azure;
    private readonly FaultyProxy _proxy;

    public AzureContractOverFaultsTests(AzureService azure)
    {
        _azure = azure;
        _proxy = new FaultyProxy(azure.Port)
        {
            Script = FaultyProxy.EveryThird(s_faults),
        };
    }

    private protected override object Open()
    {
        _azure.Need();
        IStorage storage = AzureService.Open(AzureService.Url(_azure.NewName()), _azure.Options(_proxy.Port), tries: 30);
        storage.CreateLayout();
        return storage;
    }

    public async ValueTask DisposeAsync()
    {
        Dispose();
        await _proxy.DisposeAsync();
    }
}

/// <summary>What is true of Azure's blob service only: its failures, each by its id, and restic on the same repository.</summary>
[Collection(ObjectStoreTests.Name)]
public sealed class AzureStorageTests : IAsyncDisposable
{
    private const string OtherKey = "YS1zZWNyZXQtdGhhdC1ub2JvZHktbWF5LXNlZQ==";

    private static readonly string s_name = BlobId.Of("x"u8).ToString();

    private readonly AzureService _azure;
    private readonly FaultyProxy _proxy;
    private readonly TemporaryDirectory _directory = new();

    public AzureStorageTests(AzureService azure)
    {
        azure.Need();
        _azure = azure;
        _proxy = new FaultyProxy(azure.Port);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (string name in new[] { "RESTIC_CACERT", "AZURE_ENDPOINT_SUFFIX" })
            Environment.SetEnvironmentVariable(name, null);
        _directory.Dispose();
        await _proxy.DisposeAsync();
    }

    private IStorage Open(string name, int? port = null, int tries = 6, TimeSpan? idle = null) =>
        AzureService.Open(AzureService.Url(name), _azure.Options(port), tries, idle);

    private static ErrorId IdOf(IStorage storage, Action<RepositoryFiles> action, params string[] secrets)
    {
        using var files = new RepositoryFiles(storage);
        var e = Assert.Throws<ImageBackupException>(() => action(files));
        for (Exception? at = e; at is not null; at = at.InnerException)
        {
            foreach (string secret in (string[])[OtherKey, AzureService.Key, .. secrets])
                Assert.DoesNotContain(secret, at.ToString(), StringComparison.Ordinal);
        }
        return e.Id;
    }

    private static ErrorId IdOf(IStorage storage, params string[] secrets) => IdOf(storage, files => files.Exists(StoredKind.Config, ""), secrets);

    /// <summary>A login for the container only, with these rights, until then.</summary>
    private string UseSignature(BlobContainerSasPermissions rights, TimeSpan life)
    {
        var builder = new BlobSasBuilder(rights, DateTimeOffset.UtcNow + life) { BlobContainerName = AzureService.Container, Resource = "c", StartsOn = DateTimeOffset.UtcNow.AddDays(-2) };
        string text = builder.ToSasQueryParameters(new StorageSharedKeyCredential(AzureService.Account, AzureService.Key)).ToString();
        Environment.SetEnvironmentVariable("AZURE_ACCOUNT_KEY", null);
        // With the question mark that the portal copies.
        Environment.SetEnvironmentVariable("AZURE_ACCOUNT_SAS", "?" + text);
        return Uri.UnescapeDataString(text.Split("sig=")[1].Split('&')[0]);
    }

    [Fact]
    public void A_container_that_is_not_there_and_a_login_that_is_refused_have_their_ids()
    {
        Assert.Equal(ErrorId.StorageContainerMissing, IdOf(AzureService.Open("azure:no-such-container:/r", _azure.Options())));
        Environment.SetEnvironmentVariable("AZURE_ACCOUNT_KEY", OtherKey);
        Assert.Equal(ErrorId.StorageLoginRefused, IdOf(Open("r")));
        Environment.SetEnvironmentVariable("AZURE_ACCOUNT_KEY", "not base64!");
        Assert.DoesNotContain("not base64!", Assert.Throws<FormatException>(() => Open("r")).ToString(), StringComparison.Ordinal);
        Environment.SetEnvironmentVariable("AZURE_ACCOUNT_NAME", null);
        Assert.Contains("set AZURE_ACCOUNT_NAME", Assert.Throws<FormatException>(() => Open("r")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_service_that_is_not_there_has_its_id()
    {
        Assert.Equal(ErrorId.StorageUnreachable, IdOf(Open("r", RestServer.FreePort(), tries: 1)));
        // No key and no signature: by the name that the account has in DNS, which nobody has.
        Environment.SetEnvironmentVariable("AZURE_ENDPOINT_SUFFIX", "invalid");
        Assert.Equal(ErrorId.StorageUnreachable, IdOf(AzureService.Open(AzureService.Url("r"), [], tries: 1)));
    }

    [Fact]
    public void A_new_repository_s_container_is_made()
    {
        using RepositoryPassword password = TestRepository.NewPassword();
        StorageLocation location = StorageRegistry.Parse("azure:fresh-container:/r", _azure.Options());
        ImageRepository.ThrowIfTaken(location);
        using (ImageRepository.Create(location, password, TestContext.Current.CancellationToken))
        {
        }
        Assert.Equal(ErrorId.RepositoryExists, Assert.Throws<ImageBackupException>(() => ImageRepository.ThrowIfTaken(location)).Id);
    }

    [Fact]
    public void A_signature_s_rights_and_its_end_have_their_ids()
    {
        using (IStorage own = Open("signed"))
        {
            own.CreateLayout();
            own.Save(StoredKind.Index, s_name, [1]);
        }
        string secret = UseSignature(BlobContainerSasPermissions.Read | BlobContainerSasPermissions.List | BlobContainerSasPermissions.Create | BlobContainerSasPermissions.Write, TimeSpan.FromDays(1));
        string other = BlobId.Of("y"u8).ToString();
        using (IStorage writing = Open("signed"))
        {
            // The container is there: to look costs no right to make one.
            writing.CreateLayout();
            writing.Save(StoredKind.Index, other, [1, 2]);
            Assert.Equal([1, 2], writing.Load(StoredKind.Index, other, 10));
        }
        Assert.Equal(ErrorId.StorageForbidsRemoval, IdOf(Open("signed"), files => files.ThrowIfRemovalForbidden(), secret));
        Assert.Equal(ErrorId.StorageForbidsRemoval, IdOf(Open("signed"), files => files.Delete(StoredKind.Index, other), secret));
        secret = UseSignature(BlobContainerSasPermissions.Read | BlobContainerSasPermissions.List, TimeSpan.FromDays(1));
        Assert.Equal(ErrorId.RepositoryAccessDenied, IdOf(Open("signed"), files => files.Save(StoredKind.Index, BlobId.Of("z"u8).ToString(), [3]), secret));
        secret = UseSignature(BlobContainerSasPermissions.All, TimeSpan.FromDays(-1));
        Assert.Equal(ErrorId.StorageLoginExpired, IdOf(Open("signed"), secret));
    }

    [Fact]
    public void Without_a_login_the_error_names_the_variables()
    {
        Environment.SetEnvironmentVariable("AZURE_ACCOUNT_KEY", null);
        Environment.SetEnvironmentVariable("AZURE_FORCE_CLI_CREDENTIAL", "true");
        try
        {
            // A token goes over TLS only, and the program 'az' is asked before anything else.
            using var files = new RepositoryFiles(AzureService.Open(AzureService.Url("r"), _azure.Options(scheme: "https"), tries: 1));
            var e = Assert.Throws<ImageBackupException>(() => files.Exists(StoredKind.Config, ""));
            Assert.Equal(ErrorId.StorageLoginRefused, e.Id);
            Assert.Contains("neither AZURE_ACCOUNT_KEY nor AZURE_ACCOUNT_SAS", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("AZURE_FORCE_CLI_CREDENTIAL", null);
        }
    }

    [Fact]
    public async Task A_clock_that_goes_wrong_has_its_id()
    {
        await using var service = new CannedService(_ => "HTTP/1.1 403 Server failed to authenticate the request.\r\nx-ms-error-code: AuthenticationFailed\r\n"
            + "Date: Mon, 02 Nov 2020 10:00:00 GMT\r\nContent-Type: application/xml\r\n\r\n<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>AuthenticationFailed</Code><Message>told</Message></Error>");
        Assert.Equal(ErrorId.StorageClockSkewed, IdOf(Open("r", service.Port, tries: 1)));
    }

    [Fact]
    [SuppressMessage("Security", "CA5351", Justification = "The protocol's.")]
    public async Task Each_upload_carries_its_hash_and_takes_no_other_s_place()
    {
        var asked = new List<string>();
        await using var service = new CannedService(request =>
        {
            lock (asked)
                asked.Add(request);
            return "HTTP/1.1 400 Bad\r\nx-ms-error-code: Md5Mismatch\r\nContent-Type: application/xml\r\n\r\n<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>Md5Mismatch</Code><Message>told</Message></Error>";
        });
        Dictionary<string, string> options = _azure.Options(service.Port);
        options["azure.access-tier"] = "cool";
        using IStorage storage = AzureService.Open(AzureService.Url("r"), options, tries: 2);
        // Spoilt on its way: it is sent again.
        Assert.Equal(StorageProblem.WriteError, Assert.Throws<StorageException>(() => storage.Save(StoredKind.Index, s_name, [1, 2, 3])).Problem);
        Assert.Equal(3, asked.Count);
        Assert.All(asked, request =>
        {
            Assert.Contains("Content-MD5: " + Convert.ToBase64String(System.Security.Cryptography.MD5.HashData([1, 2, 3])), request, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("If-None-Match: *", request, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("x-ms-access-tier: Cool", request, StringComparison.OrdinalIgnoreCase);
        });
    }

    [Fact]
    public void A_full_account_has_its_id()
    {
        _proxy.Script = request => request.Method == "PUT" ? ProxyFault.Full : ProxyFault.None;
        Assert.Equal(ErrorId.RepositoryFull, IdOf(Open("full", _proxy.Port), files => files.Save(StoredKind.Index, s_name, [1])));
    }

    [Fact]
    public void An_upload_whose_answer_was_lost_is_one_file()
    {
        using IStorage storage = Open(_azure.NewName(), _proxy.Port);
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
        // Whole, in one request each time.
        Assert.Equal(2, _proxy.Requests.Count(request => request.Method == "PUT" && request.Path.Contains(s_name, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_command_that_is_stopped_waits_for_no_service()
    {
        using IStorage storage = Open("r", _proxy.Port);
        _proxy.Script = _ => ProxyFault.Hang;
        using var stop = new CancellationTokenSource();
        Task loading = Task.Run(() => storage.Load(StoredKind.Config, "", 10, stop.Token), CancellationToken.None);
        while (_proxy.Requests.Count == 0)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loading).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        using IStorage impatient = Open("r", _proxy.Port, tries: 1, idle: TimeSpan.FromSeconds(0.3));
        Assert.Equal(StorageProblem.Unreachable, Assert.Throws<StorageException>(() => impatient.Save(StoredKind.Index, s_name, new byte[10])).Problem);
    }

    [Fact]
    public void Each_page_of_a_long_list_is_read()
    {
        using IStorage storage = AzureService.Open(AzureService.Url(_azure.NewName()), _azure.Options(_proxy.Port), pageFiles: 20);
        storage.CreateLayout();
        Parallel.For(0, 101, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => storage.Save(StoredKind.Pack, BlobId.Of(BitConverter.GetBytes(i)).ToString(), [1]));
        _proxy.Forget();
        Assert.Equal(101, storage.List(StoredKind.Pack).Select(file => file.Name).Distinct().Count());
        Assert.Equal(6, _proxy.Requests.Count);
    }

    [Fact]
    public void A_service_s_authority_is_the_one_that_is_named()
    {
        using var own = new TestAuthority("own", _directory["own"]);
        using var other = new TestAuthority("other", _directory["other"]);
        own.Issue("server", TimeSpan.FromDays(1));
        using var service = new AzureService(RestServer.FreePort(), "--cert", own["server.crt"], "--key", own["server.key"]);
        service.Need();
        Dictionary<string, string> options = service.Options(scheme: "https");
        Assert.Equal(ErrorId.StorageUntrusted, IdOf(AzureService.Open(AzureService.Url("r"), options, tries: 0)));
        Environment.SetEnvironmentVariable("RESTIC_CACERT", other["ca.pem"]);
        Assert.Equal(ErrorId.StorageUntrusted, IdOf(AzureService.Open(AzureService.Url("r"), options, tries: 0)));
        Environment.SetEnvironmentVariable("RESTIC_CACERT", own["ca.pem"]);
        using IStorage storage = AzureService.Open(AzureService.Url("r"), options);
        storage.CreateLayout();
        storage.Save(StoredKind.Config, "", [1]);
        Assert.True(storage.Exists(StoredKind.Config, ""));
    }

    [Fact]
    public void Ours_over_the_service_is_whole_for_restic_and_restics_for_us()
    {
        const int EmulatorPort = 10000;
        ResticTool.Require();
        // restic 0.14 sends the emulator's account to this port of this machine, whatever else is set; later ones speak TLS to the account's name only.
        Assert.SkipWhen(ResticTool.IsAtLeast(0, 15), "This restic does not speak to an emulator without TLS and a name in DNS.");
        Assert.SkipWhen(System.Net.NetworkInformation.IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Any(end => end.Port == EmulatorPort), $"Port {EmulatorPort} is taken.");
        using var service = new AzureService(EmulatorPort);
        service.Need();
        string url = AzureService.Url("both");
        BothTools.AssertWhole(StorageRegistry.Parse(url, service.Options()), url);
    }

    [Fact]
    public void A_backup_over_a_bad_network_is_whole()
    {
        using var rig = new ResticRig();
        string volume = rig.Volume("volume", 5);
        string name = _azure.NewName();
        _proxy.Script = request => request.Number % 4 == 0 ? (ProxyFault)(1 + request.Number / 4 % 4) : ProxyFault.None;
        using RepositoryPassword password = TestRepository.NewPassword();
        string id;
        using (ImageRepository repository = ImageRepository.Create(Open(name, _proxy.Port, tries: 30), password, TestContext.Current.CancellationToken))
        {
            id = ResticRig.Backup(repository, volume).Id;
            rig.AssertRestores(repository, id, volume);
        }
        using ImageRepository direct = ImageRepository.Open(StorageRegistry.Parse(AzureService.Url(name), _azure.Options()), password, keyHint: null, TestContext.Current.CancellationToken);
        TestRepository.AssertHealthy(direct);
        rig.AssertRestores(direct, id, volume);
    }
}
