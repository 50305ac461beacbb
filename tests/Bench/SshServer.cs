using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;

namespace ImageBackup.Bench;

/// <summary>OpenSSH's server with keys of its own, on a port of this machine; what the user's and the system's ssh know stays as it is.</summary>
internal sealed class SshServer : IDisposable
{
    private readonly string _folder;
    private readonly Process _server;

    /// <param name="folder">Where its keys and settings go.</param>
    /// <param name="port">The port.</param>
    /// <param name="clientPort">The port that the client is to name: of a network before it, or the same.</param>
    public SshServer(string folder, int port, int clientPort)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
        Directory.CreateDirectory("/run/sshd");
        foreach (string key in new[] { "host_key", "user_key" })
            Tool.Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", In(key));
        File.Copy(In("user_key.pub"), In("authorized_keys"));
        string[] hostKey = File.ReadAllText(In("host_key.pub")).Split(' ');
        File.WriteAllText(In("known_hosts"), $"bench-host {hostKey[0]} {hostKey[1]}\n");
        File.WriteAllText(In("sshd_config"), string.Create(CultureInfo.InvariantCulture, $"""
            ListenAddress 127.0.0.1:{port}
            HostKey {In("host_key")}
            PidFile none
            AuthorizedKeysFile {In("authorized_keys")}
            StrictModes no
            UsePAM yes
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin prohibit-password
            UseDNS no
            MaxStartups 200
            Subsystem sftp internal-sftp

            """));
        File.WriteAllText(In("ssh_config"), string.Create(CultureInfo.InvariantCulture, $"""
            Host bench
              HostName 127.0.0.1
              Port {clientPort}
              User {Environment.UserName}
              IdentityFile {In("user_key")}
              IdentitiesOnly yes
              IdentityAgent none
              HostKeyAlias bench-host
              UserKnownHostsFile {In("known_hosts")}
              GlobalKnownHostsFile /dev/null
              StrictHostKeyChecking yes
              BatchMode yes

            """));
        _server = Process.Start(new ProcessStartInfo("/usr/sbin/sshd", ["-D", "-e", "-f", In("sshd_config")]) { RedirectStandardError = true })!;
        _server.ErrorDataReceived += (_, _) => { };
        _server.BeginErrorReadLine();
    }

    /// <summary>The command that speaks SFTP with it: restic's option sftp.command, and ours.</summary>
    public string Command => $"/usr/bin/ssh -F {In("ssh_config")} bench -s sftp";

    private string In(string name) => Path.Combine(_folder, name);

    public void Dispose()
    {
        _server.Kill(entireProcessTree: true);
        _server.WaitForExit();
        _server.Dispose();
        WorkFiles.Delete(_folder);
    }
}
