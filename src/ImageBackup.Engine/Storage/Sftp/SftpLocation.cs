using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Storage.Http;

namespace ImageBackup.Engine.Storage.Sftp;

/// <summary>restic's <c>sftp:user@host:/path</c> and <c>sftp://user@host:port//path</c>, with its options.</summary>
/// <param name="Host">Null: the command of the options knows it.</param>
/// <param name="User">Null: ssh's own choice.</param>
/// <param name="Port">0: ssh's own choice.</param>
/// <param name="Path">Of the repository; relative to the account's directory if it does not begin with a slash.</param>
internal sealed record SftpLocation(string Host, string? User, int Port, string Path)
{
    public const string Scheme = "sftp";

    private const string CommandOption = "sftp.command";
    private const string ArgumentsOption = "sftp.args";

    public static StorageScheme Registration { get; } = new(Scheme, [Scheme + ".connections", CommandOption, ArgumentsOption], Parse,
        location => new RetryingStorage(Open(location, HttpAccess.DefaultIdle), RetryingStorage.ServerWaits));

    /// <exception cref="FormatException">It cannot be used; no secret is in the message.</exception>
    public static StorageLocation Parse(string address, IReadOnlyDictionary<string, string>? options)
    {
        SftpLocation parsed = Of(address);
        _ = parsed.Words(options);
        _ = StorageOptions.Connections(options, Scheme);
        return new StorageLocation(Scheme, address.TrimEnd('/').Length > 0 ? address.TrimEnd('/') : address, options: options);
    }

    private static SftpLocation Of(string address)
    {
        SftpLocation found = address.StartsWith("//", StringComparison.Ordinal) ? OfUrl(address) : OfWords(address);
        if (found.Host.Length == 0 || found.Path.Length == 0)
            throw new FormatException("What follows 'sftp:' must be USER@HOST:/PATH or //USER@HOST:PORT//PATH.");
        // ssh would take it for an option.
        if (found.Host.StartsWith("-", StringComparison.Ordinal) || found.User?.StartsWith("-", StringComparison.Ordinal) == true)
            throw new FormatException("The host and the user behind 'sftp:' may not begin with '-'.");
        return found;
    }

    private static SftpLocation OfUrl(string address)
    {
        if (!Uri.TryCreate("sftp:" + address, UriKind.Absolute, out Uri? url))
            throw new FormatException("What follows 'sftp:' must be USER@HOST:/PATH or //USER@HOST:PORT//PATH.");
        if (url.UserInfo.Contains(':'))
            throw new FormatException("The URL behind 'sftp:' may hold no password: ssh logs in by a key.");
        string path = Uri.UnescapeDataString(url.AbsolutePath);
        return new SftpLocation(url.Host.Trim('[', ']'), url.UserInfo.Length > 0 ? Uri.UnescapeDataString(url.UserInfo) : null, url.IsDefaultPort || url.Port < 0 ? 0 : url.Port,
            Clean(path.Length > 0 ? path.Substring(1) : ""));
    }

    private static SftpLocation OfWords(string address)
    {
        int colon = address.IndexOf(':');
        string host = colon < 0 ? "" : address.Substring(0, colon);
        int at = host.LastIndexOf('@');
        return new SftpLocation(host.Substring(at + 1), at > 0 ? host.Substring(0, at) : null, 0, Clean(address.Substring(colon + 1)));
    }

    private static string Clean(string path) => path.Length > 1 ? path.TrimEnd('/') : path;

    /// <summary>ssh's command line, or the one of the options.</summary>
    private List<string> Words(IReadOnlyDictionary<string, string>? options)
    {
        string? command = StorageOptions.Text(options, CommandOption);
        string? arguments = StorageOptions.Text(options, ArgumentsOption);
        if (command is not null && arguments is not null)
            throw new FormatException($"{CommandOption} and {ArgumentsOption} are both given: leave one out.");
        if (command is not null)
            return Split(CommandOption, command) is { Count: > 0 } words ? words : throw new FormatException($"{CommandOption} is empty.");
        List<string> ssh = ["ssh", Host];
        if (Port > 0)
            ssh.AddRange(["-p", Port.ToString(CultureInfo.InvariantCulture)]);
        if (User is not null)
            ssh.AddRange(["-l", User]);
        if (arguments is not null)
            ssh.AddRange(Split(ArgumentsOption, arguments));
        // The first value of an option counts for ssh: the user's own are before ours. Nobody answers questions here.
        ssh.AddRange(["-oBatchMode=yes", "-oServerAliveInterval=60", "-oServerAliveCountMax=5", "-s", "sftp"]);
        return ssh;
    }

    private static List<string> Split(string option, string text)
    {
        try
        {
            return [.. CommandWords.Split(text)];
        }
        catch (FormatException e)
        {
            throw new FormatException($"{option} {e.Message}.", e);
        }
    }

    /// <summary>Opens it without asking the server anything.</summary>
    internal static SftpStorage Open(StorageLocation location, TimeSpan idle)
    {
        SftpLocation parsed = Of(location.Address);
        return new SftpStorage(location, parsed.Path, parsed.Words(location.Options), new SftpSettings(StorageOptions.Connections(location.Options, Scheme), idle));
    }
}
