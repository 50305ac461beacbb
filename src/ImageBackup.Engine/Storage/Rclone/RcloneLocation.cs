using System;
using System.Collections.Generic;
using System.Text.RegularExpressions;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Storage.Http;
using ImageBackup.Engine.Storage.Rest;

namespace ImageBackup.Engine.Storage.Rclone;

/// <summary>restic's <c>rclone:remote:path</c> and its options: rclone serves the repository over its pipes, for as long as it is open.</summary>
internal static class RcloneLocation
{
    public const string Scheme = "rclone";

    private const string ProgramOption = "rclone.program";
    private const string ArgumentsOption = "rclone.args";
    private const string TimeoutOption = "rclone.timeout";
    private const string DefaultArguments = "serve restic --stdio --b2-hard-delete";

    public static StorageScheme Registration { get; } = new(Scheme, [Scheme + ".connections", ProgramOption, ArgumentsOption, TimeoutOption], Parse,
        location => new RetryingStorage(Open(location), RetryingStorage.ServerWaits));

    /// <exception cref="FormatException">It cannot be used; no secret is in the message.</exception>
    public static StorageLocation Parse(string address, IReadOnlyDictionary<string, string>? options)
    {
        if (!HttpClients.SpeaksOverPipes)
            throw new FormatException("'rclone:' needs PowerShell 7.6 or later. Start 'rclone serve restic REMOTE:PATH' and name it as rest:http://127.0.0.1:PORT/.");
        if (address.Length == 0 || address.IndexOf(':') < 0 || address.StartsWith("-", StringComparison.Ordinal))
            throw new FormatException("What follows 'rclone:' must be REMOTE:PATH.");
        // It would be seen by everybody in the list of processes.
        if (Regex.IsMatch(address, @"[,:](\w*(pass|secret|key|token|auth)\w*)=", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant))
            throw new FormatException("The remote behind 'rclone:' may hold no password and no key: set RCLONE_CONFIG_NAME_OPTION variables, or make the remote by 'rclone config'.");
        _ = Words(address, options);
        _ = StorageOptions.Connections(options, Scheme);
        _ = StorageOptions.Duration(options, TimeoutOption);
        return new StorageLocation(Scheme, address, options: options);
    }

    private static List<string> Words(string address, IReadOnlyDictionary<string, string>? options)
    {
        List<string> words = [.. Split(ProgramOption, StorageOptions.Text(options, ProgramOption) ?? "rclone")];
        words.AddRange(Split(ArgumentsOption, StorageOptions.Text(options, ArgumentsOption) ?? DefaultArguments));
        words.Add(address);
        return words;
    }

    private static IReadOnlyList<string> Split(string option, string text)
    {
        try
        {
            return CommandWords.Split(text) is { Count: > 0 } words ? words : throw new FormatException("is empty");
        }
        catch (FormatException e)
        {
            throw new FormatException($"{option} {e.Message}.", e);
        }
    }

    internal static RestStorage Open(StorageLocation location)
    {
        var program = new RcloneProgram(Words(location.Address, location.Options), location.DisplayName);
        var access = new HttpAccess
        {
            Connections = StorageOptions.Connections(location.Options, Scheme),
            Idle = StorageOptions.Duration(location.Options, TimeoutOption) ?? HttpAccess.DefaultIdle,
            Connect = program.Connect,
            Explain = program.Explain,
        };
        return new RestStorage(location, new Uri("http://localhost/"), access, isRclone: true);
    }
}
