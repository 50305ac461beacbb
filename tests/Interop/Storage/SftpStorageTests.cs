using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Sftp;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>OpenSSH's SFTP server on the pipes of a program, without ssh: nothing but the protocol.</summary>
internal static class SftpOnPipes
{
    private const string Server = "/usr/lib/openssh/sftp-server";

    /// <summary>The driver, with retries that do not wait long.</summary>
    /// <param name="folder">The repository's.</param>
    /// <param name="command">What speaks SFTP; null: the server itself.</param>
    public static IStorage Open(string folder, string? command = null, TimeSpan? idle = null)
    {
        Assert.SkipUnless(File.Exists(Server), "OpenSSH's sftp-server is not installed.");
        var options = new Dictionary<string, string> { ["sftp.command"] = command ?? Server };
        return new RetryingStorage(SftpLocation.Open(StorageRegistry.Parse("sftp:host:" + folder, options), idle ?? TimeSpan.FromMinutes(1)),
            [.. Enumerable.Repeat(TimeSpan.FromMilliseconds(20), 30)]);
    }

    /// <summary>A server whose connections are cut after some bytes, each after others: in requests and in answers.</summary>
    public static string Cut(string folder)
    {
        string script = Path.Combine(folder, "cut.sh");
        File.WriteAllText(script, $$"""
            exec 9>>{{folder}}/lock; flock 9; n=$(cat {{folder}}/count 2>/dev/null || echo 0); echo $((n + 1)) > {{folder}}/count; exec 9>&-
            up=(30000 9000000 2500 9000000 120000 9000000); down=(9000000 3000 9000000 9000000 9000000 60000)
            exec stdbuf -o0 head -c ${down[n % 6]} < <(stdbuf -o0 head -c ${up[n % 6]} | {{Server}})
            """);
        return $"bash {script}";
    }
}

/// <summary>The contract, on OpenSSH's server.</summary>
public sealed class SftpContractTests : StorageContract
{
    private readonly TemporaryDirectory _directory = new();

    private protected override object Open()
    {
        IStorage storage = SftpOnPipes.Open(_directory["contract"]);
        storage.CreateLayout();
        return storage;
    }

    public override void Dispose()
    {
        base.Dispose();
        _directory.Dispose();
    }
}

/// <summary>The contract once more, while connections are cut in the middle of requests and of answers.</summary>
public sealed class SftpContractOverCutsTests : StorageContract
{
    private readonly TemporaryDirectory _directory = new();

    private protected override object Open()
    {
        Directory.CreateDirectory(_directory["cuts"]);
        IStorage storage = SftpOnPipes.Open(_directory["contract"], SftpOnPipes.Cut(_directory["cuts"]));
        storage.CreateLayout();
        return storage;
    }

    public override void Dispose()
    {
        base.Dispose();
        _directory.Dispose();
    }
}

/// <summary>What is true of SFTP only: a real sshd, its refusals, its end, and restic on the same repository.</summary>
public sealed class SftpStorageTests : IDisposable
{
    private static readonly string s_name = BlobId.Of("x"u8).ToString();

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Ours_over_ssh_is_whole_for_restic_and_restics_for_us()
    {
        using var server = new SshServer();
        string url = $"sftp:rig:{server.Folder}/both";
        BothTools.AssertWhole(StorageRegistry.Parse(url, new Dictionary<string, string> { ["sftp.args"] = "-F " + server.Configuration }), url,
            "-o", $"sftp.command=ssh -F {server.Configuration} rig -s sftp");
        Assert.Empty(Directory.GetFiles(Path.Combine(server.Folder, "both", "tmp")));
    }

    [Fact]
    public void A_connection_that_is_lost_in_a_backup_is_opened_anew()
    {
        using var rig = new ResticRig();
        string volume = rig.Volume("volume", 5);
        Directory.CreateDirectory(_directory["cuts"]);
        using RepositoryPassword password = TestRepository.NewPassword();
        using ImageRepository repository = ImageRepository.Create(SftpOnPipes.Open(_directory["r"], SftpOnPipes.Cut(_directory["cuts"])), password, TestContext.Current.CancellationToken);
        string id = ResticRig.Backup(repository, volume).Id;
        rig.AssertRestores(repository, id, volume);
        Assert.True(int.Parse(File.ReadAllText(Path.Combine(_directory["cuts"], "count")), CultureInfo.InvariantCulture) > 5);
        ResticTool.Run(_directory["r"], "check", "--read-data");
    }

    [Theory]
    [InlineData("-oUserKnownHostsFile=/dev/null", ErrorId.StorageUntrusted, "Host key verification failed")]
    [InlineData("-oIdentityFile=/dev/null -oIdentityAgent=none", ErrorId.StorageLoginRefused, "Permission denied")]
    [InlineData("-oPort=1", ErrorId.StorageUnreachable, "Connection refused")]
    [InlineData("-oHostName=no-such-host.invalid", ErrorId.StorageUnreachable, "Could not resolve hostname")]
    [InlineData("-oNoSuchOption=1", ErrorId.StorageProgramMissing, "Bad configuration option")]
    public void What_ssh_says_has_its_id(string argument, ErrorId id, string text)
    {
        using var server = new SshServer(identityInFile: !argument.Contains("Identity", StringComparison.Ordinal), knownInFile: !argument.Contains("Known", StringComparison.Ordinal));
        var options = new Dictionary<string, string> { ["sftp.args"] = $"{argument} -F {server.Configuration}" };
        using var files = new RepositoryFiles(new RetryingStorage(SftpLocation.Open(StorageRegistry.Parse("sftp:rig:/x", options), TimeSpan.FromMinutes(1)), [.. Enumerable.Repeat(TimeSpan.FromMilliseconds(10), 100)]));
        var e = Assert.Throws<ImageBackupException>(() => files.Exists(StoredKind.Config, ""));
        Assert.Equal(id, e.Id);
        Assert.Contains(text, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/no/such/ssh", ErrorId.StorageProgramMissing, "no program")]
    [InlineData("/bin/echo hello", ErrorId.StorageUnreachable, "not a packet of SFTP")]
    public void What_is_not_an_SFTP_server_has_its_id(string command, ErrorId id, string text)
    {
        using var files = new RepositoryFiles(SftpOnPipes.Open("/x", command));
        var e = Assert.Throws<ImageBackupException>(() => files.Exists(StoredKind.Config, ""));
        Assert.Equal(id, e.Id);
        Assert.Contains(text, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_that_says_nothing_is_given_up_and_a_stopped_command_waits_for_none()
    {
        using IStorage storage = SftpOnPipes.Open("/x", "sleep 1000", TimeSpan.FromSeconds(0.3));
        Assert.Equal(StorageProblem.Unreachable, Assert.Throws<StorageException>(() => storage.Exists(StoredKind.Config, "")).Problem);
        using IStorage patient = SftpOnPipes.Open("/x", "sleep 1000");
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(0.3));
        var clock = Stopwatch.StartNew();
        Assert.ThrowsAny<OperationCanceledException>(() => patient.Exists(StoredKind.Config, "", stop.Token));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"It took {clock.Elapsed}.");
    }

    [Fact]
    public void A_read_only_server_is_told_and_a_full_disk_has_its_id()
    {
        using (IStorage writable = SftpOnPipes.Open(_directory["r"]))
        {
            writable.CreateLayout();
            writable.Save(StoredKind.Snapshot, s_name, [1]);
        }
        using (IStorage storage = SftpOnPipes.Open(_directory["r"], "/usr/lib/openssh/sftp-server -R"))
        {
            Assert.Equal(StorageProblem.AccessDenied, Assert.Throws<StorageException>(() => storage.Save(StoredKind.Key, s_name, [1])).Problem);
            Assert.Equal(StorageProblem.RemovalForbidden, Assert.Throws<StorageException>(() => storage.Delete(StoredKind.Snapshot, s_name)).Problem);
            Assert.Equal([1], storage.Load(StoredKind.Snapshot, s_name, 1));
        }
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root mounts a small disk.");
        Directory.CreateDirectory(_directory["small"]);
        using (Process mount = Process.Start("mount", ["-t", "tmpfs", "-o", "size=3m", "none", _directory["small"]]))
            mount.WaitForExit();
        try
        {
            using IStorage small = SftpOnPipes.Open(_directory["small"]);
            small.CreateLayout();
            Assert.Equal(StorageProblem.Full, Assert.Throws<StorageException>(() => small.Save(StoredKind.Pack, s_name, new byte[4 << 20])).Problem);
            Assert.Empty(small.List(StoredKind.Pack));
        }
        finally
        {
            using Process unmount = Process.Start("umount", [_directory["small"]]);
            unmount.WaitForExit();
        }
    }
}

/// <summary>A real sshd on a port of its own, with keys of its own. Ends with its object.</summary>
internal sealed class SshServer : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Process _process;

    /// <param name="identityInFile">The configuration names the key that the server knows.</param>
    /// <param name="knownInFile">The configuration names the server's key.</param>
    public SshServer(bool identityInFile = true, bool knownInFile = true)
    {
        Assert.SkipUnless(File.Exists("/usr/sbin/sshd") && ResticTool.Find("ssh") is not null, "OpenSSH is not installed.");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "sshd lets others in only as root.");
        Directory.CreateDirectory("/run/sshd");
        Directory.CreateDirectory(Folder);
        foreach (string key in new[] { "host", "user" })
        {
            using Process keygen = Process.Start("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", _directory[key]]);
            keygen.WaitForExit();
        }
        int port = RestServer.FreePort();
        File.Copy(_directory["user.pub"], _directory["authorized"]);
        File.WriteAllText(_directory["known"], "rig-host " + File.ReadAllText(_directory["host.pub"]));
        File.WriteAllText(_directory["sshd_config"], $"""
            ListenAddress 127.0.0.1:{port}
            HostKey {_directory["host"]}
            PidFile none
            AuthorizedKeysFile {_directory["authorized"]}
            StrictModes no
            UsePAM {(File.ReadLines("/etc/shadow").Any(line => line.StartsWith("root:!", StringComparison.Ordinal)) ? "yes" : "no")}
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin prohibit-password
            UseDNS no
            MaxStartups 200
            Subsystem sftp internal-sftp

            """);
        File.WriteAllText(Configuration, $"""
            Host rig
              HostName 127.0.0.1
              Port {port}
              User root
              IdentitiesOnly yes
              {(identityInFile ? "IdentityAgent none" : "")}
              {(identityInFile ? "IdentityFile " + _directory["user"] : "")}
              HostKeyAlias rig-host
              {(knownInFile ? "UserKnownHostsFile " + _directory["known"] : "")}
              GlobalKnownHostsFile /dev/null
              StrictHostKeyChecking yes
              BatchMode yes

            """);
        _process = Process.Start(new ProcessStartInfo("/usr/sbin/sshd", ["-D", "-e", "-f", _directory["sshd_config"]]) { RedirectStandardError = true })!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        for (long end = Environment.TickCount64 + 30_000; ; Thread.Sleep(20))
        {
            Assert.False(_process.HasExited, "sshd ended.");
            Assert.True(Environment.TickCount64 < end, "sshd does not answer.");
            try
            {
                using var probe = new System.Net.Sockets.TcpClient();
                probe.Connect(System.Net.IPAddress.Loopback, port);
                return;
            }
            catch (System.Net.Sockets.SocketException)
            {
            }
        }
    }

    public string Folder => _directory["data"];

    public string Configuration => _directory["ssh_config"];

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        _directory.Dispose();
    }
}
