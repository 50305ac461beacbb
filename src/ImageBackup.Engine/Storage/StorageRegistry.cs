using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using ImageBackup.Engine.Storage.Azure;
using ImageBackup.Engine.Storage.Rclone;
using ImageBackup.Engine.Storage.Rest;
using ImageBackup.Engine.Storage.Transfer;
using ImageBackup.Engine.Storage.S3;
using ImageBackup.Engine.Storage.Sftp;

namespace ImageBackup.Engine.Storage;

/// <summary>The kinds of storage, by their schemes. Any thread.</summary>
internal static class StorageRegistry
{
    /// <summary>Schemes of restic's that are not reached, and how to get there.</summary>
    private static readonly Dictionary<string, string> s_elsewhere = new(StringComparer.Ordinal)
    {
        ["gs"] = "Name it by rclone: rclone:REMOTE:BUCKET/PATH, for a remote that 'rclone config' made; or by its S3 endpoint: s3:HOST/BUCKET/PATH.",
        ["b2"] = "Name it by rclone: rclone:REMOTE:BUCKET/PATH, for a remote that 'rclone config' made; or by its S3 endpoint: s3:HOST/BUCKET/PATH.",
        ["swift"] = "Name it by rclone: rclone:REMOTE:CONTAINER/PATH, for a remote that 'rclone config' made.",
        ["s3legacy"] = "The layout 's3legacy' is not read. Move the repository to the default layout by 'restic migrate s3_layout' with restic before 0.17.",
    };

    private static readonly Dictionary<string, StorageScheme> s_schemes = new(StringComparer.Ordinal);

    static StorageRegistry()
    {
        Register(new StorageScheme(StorageLocation.LocalScheme, [StorageLocation.LocalScheme + ".connections"], ParseLocal,
            location => RetryingStorage.At(location.LocalPath!, StorageOptions.Connections(location.Options, StorageLocation.LocalScheme, otherwise: 1))));
        Register(RestLocation.Registration);
        Register(S3Location.Registration);
        Register(AzureLocation.Registration);
        Register(RcloneLocation.Registration);
        Register(SftpLocation.Registration);
    }

    /// <summary>Makes a kind of storage known.</summary>
    public static void Register(StorageScheme scheme)
    {
        lock (s_schemes)
            s_schemes[scheme.Name] = scheme;
    }

    /// <summary>Whether a text names a storage by a scheme. A path with a colon ("C:\x", "./a:b") does not.</summary>
    public static bool HasScheme(string text) => SchemeOf(text) is { } name && name != StorageLocation.LocalScheme;

    /// <summary>Takes a repository's name apart. A path is not made absolute.</summary>
    /// <param name="text">As restic writes it: a path, or a scheme, a colon and what the scheme wants.</param>
    /// <param name="options">By restic's names; null: none.</param>
    /// <exception cref="FormatException">The scheme is not reached, or what follows it cannot be used; the message is for people and has no secret.</exception>
    public static StorageLocation Parse(string text, IReadOnlyDictionary<string, string>? options = null)
    {
        string? name = SchemeOf(text);
        ThrowIfUnknownOption(options);
        if (name is null)
            return ParseLocal(text, options);
        if (Find(name) is { } scheme)
            return scheme.Parse(text.Substring(name.Length + 1), options);
        throw new NotSupportedException($"Repositories on '{name}:' storage cannot be used by this version.");
    }

    private static StorageLocation ParseLocal(string path, IReadOnlyDictionary<string, string>? options)
    {
        _ = StorageOptions.Connections(options, StorageLocation.LocalScheme);
        return new StorageLocation(StorageLocation.LocalScheme, path, options: options);
    }

    /// <summary>What stands before the colon of a repository's name; "local" for a path.</summary>
    public static string SchemeName(string text) => SchemeOf(text) ?? StorageLocation.LocalScheme;

    /// <summary>What to do instead of naming a scheme that is not reached; null if it is.</summary>
    public static string? AdviceFor(string text) => SchemeOf(text) is { } name && Find(name) is null ? s_elsewhere[name] : null;

    /// <summary>Opens the storage; nothing is asked of a server yet.</summary>
    public static IStorage Open(StorageLocation location)
    {
        if (Find(location.Scheme) is not { } scheme)
            throw new NotSupportedException($"Repositories on '{location.Scheme}:' storage cannot be used by this version.");
        IStorage storage = scheme.Open(location);
        if (location.Limits is { } limits && !scheme.KeepsLimits)
            storage = new LimitedStorage(storage, limits);
        return location.ReadOnlyReason is { } reason ? new ReadOnlyStorage(storage, reason) : storage;
    }

    /// <summary>A command line without the passwords of the URLs in it.</summary>
    public static string WithoutPasswords(string text) => Regex.Replace(text, @"(https?://[^\s:/@'""]*):[^\s'""]*@", "$1@", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));

    private static StorageScheme? Find(string name)
    {
        lock (s_schemes)
            return s_schemes.TryGetValue(name, out StorageScheme? scheme) ? scheme : null;
    }

    /// <summary>Null for a path. A colon behind one letter is a drive's; behind an unknown word, part of a file's name.</summary>
    private static string? SchemeOf(string text)
    {
        int colon = text.IndexOf(':');
        if (colon <= 1)
            return null;
        string name = text.Substring(0, colon);
        return s_elsewhere.ContainsKey(name) || Find(name) is not null ? name : null;
    }

    private static void ThrowIfUnknownOption(IReadOnlyDictionary<string, string>? options)
    {
        foreach (string option in options?.Keys ?? [])
        {
            int dot = option.IndexOf('.');
            string scheme = dot > 0 ? option.Substring(0, dot).ToLowerInvariant() : "";
            // restic passes over the options of storages that it does not use now.
            if (Find(scheme) is not { } found ? s_elsewhere.ContainsKey(scheme) : found.Options.Contains(option, StringComparer.OrdinalIgnoreCase))
                continue;
            string known = string.Join(", ", KnownOptions());
            throw new FormatException($"'{option}' is not an option of a storage. There are: {known}.");
        }
    }

    /// <summary>The options of all storages, in order.</summary>
    public static IReadOnlyList<string> KnownOptions()
    {
        lock (s_schemes)
            return s_schemes.Values.SelectMany(scheme => scheme.Options).OrderBy(option => option, StringComparer.Ordinal).ToList();
    }
}

/// <summary>One kind of storage.</summary>
/// <param name="Name">What stands before the colon.</param>
/// <param name="Options">Its options, by restic's names ("rest.connections").</param>
/// <param name="Parse">Takes an address apart; a FormatException says what is wrong with it, without its secrets.</param>
/// <param name="Open">Opens it without asking a server anything.</param>
internal sealed record StorageScheme(string Name, IReadOnlyList<string> Options,
    Func<string, IReadOnlyDictionary<string, string>?, StorageLocation> Parse, Func<StorageLocation, IStorage> Open)
{
    /// <summary>It keeps a location's limits itself, where its bytes are sent.</summary>
    public bool KeepsLimits { get; init; }
}
