using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using ImageBackup.Engine.Storage.Http;

namespace ImageBackup.Engine.Storage.S3;

/// <summary>restic's <c>s3:host/bucket/prefix</c>, <c>s3:http(s)://host:port/bucket/prefix</c> and <c>s3://host/bucket/prefix</c>, with its options.</summary>
internal static class S3Location
{
    public const string Scheme = "s3";
    public const string RegionOption = "s3.region";

    private const string ConnectionsOption = "s3.connections";
    private const string ClassOption = "s3.storage-class";
    private const string LookupOption = "s3.bucket-lookup";
    private const string ListOption = "s3.list-objects-v1";
    private const string LockDaysOption = "s3.object-lock-days";
    private const string LockModeOption = "s3.object-lock-mode";
    private const string TimeOption = "s3.point-in-time";
    private const string AnonymousOption = "s3.unsafe-anonymous-auth";

    /// <summary>A retention in the stricter mode cannot be taken back: a slip of the finger costs ten years of storage at most.</summary>
    private const int MaxLockDays = 3650;

    /// <summary>What is stored so cannot be read at once: a repository with its locks and indexes there would be dead.</summary>
    private static readonly string[] s_archives = ["GLACIER", "DEEP_ARCHIVE"];

    public static StorageScheme Registration { get; } =
        new(Scheme, [ConnectionsOption, RegionOption, ClassOption, LookupOption, ListOption, LockDaysOption, LockModeOption, TimeOption, AnonymousOption], Parse, Open) { KeepsLimits = true };

    /// <exception cref="FormatException">It is not such a location, or an option's value is none.</exception>
    public static StorageLocation Parse(string address, IReadOnlyDictionary<string, string>? options)
    {
        S3Address parsed = AddressOf(address, options);
        // As it was given: it has no secrets, and the cache and the machine's memory know the repository by it.
        string text = address.TrimEnd('/');
        var location = new StorageLocation(Scheme, text, $"{Scheme}:{Spelled(parsed, text)}", options);
        return parsed.PointInTime is null ? location : location.ForReading("The repository is opened as it was at a point in time, which cannot be changed.");
    }

    private static string Spelled(S3Address address, string text)
    {
        bool isUrl = text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("https://", StringComparison.OrdinalIgnoreCase);
        string service = isUrl ? address.Service.GetLeftPart(UriPartial.Authority) : address.Service.Authority;
        return $"{service}/{address.Bucket}{(address.Prefix.Length > 0 ? "/" + address.Prefix.TrimEnd('/') : "")}";
    }

    /// <summary>Opens it without asking the service anything.</summary>
    /// <exception cref="FormatException">A file of certificates cannot be used.</exception>
    private static RetryingStorage Open(StorageLocation location) =>
        new RetryingStorage(StorageDriver.Load("ImageBackup.Storage.S3", "ImageBackup.Storage.S3.S3Driver").Open(location), RetryingStorage.ServerWaits);

    /// <summary>An address with its options, and with the authorities and the certificate that the environment names.</summary>
    public static S3Address WithAccess(StorageLocation location)
    {
        S3Address address = AddressOf(location.Address, location.Options);
        return address with { Access = HttpVariables.Access() with { Connections = StorageOptions.Connections(location.Options, Scheme), Limits = location.Limits } };
    }

    internal static S3Address AddressOf(string address, IReadOnlyDictionary<string, string>? options)
    {
        string text = address.StartsWith("//", StringComparison.Ordinal) ? address.Substring(2) : address;
        if (!text.Contains("://"))
            text = "https://" + text;
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0)
            throw new FormatException("What follows 's3:' must be HOST/BUCKET/PREFIX, or the same after http:// or https://.");
        if (url.UserInfo.Length > 0)
            throw new FormatException("The URL behind 's3:' may hold no name and no password: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.");
        if (url.Query.Length > 0 || url.Fragment.Length > 0)
            throw new FormatException("The URL behind 's3:' may have no '?' and no '#'.");
        string[] parts = Uri.UnescapeDataString(url.AbsolutePath).Split(['/'], StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0)
            throw new FormatException("The URL behind 's3:' names no bucket: s3:HOST/BUCKET/PREFIX.");
        _ = StorageOptions.Connections(options, Scheme);
        string? storageClass = StorageOptions.Text(options, ClassOption)?.ToUpperInvariant();
        if (storageClass is not null && s_archives.Contains(storageClass))
            throw new FormatException($"{ClassOption} cannot be {storageClass}: what is stored so cannot be read at once. GLACIER_IR can.");
        string prefix = string.Join("/", parts.Skip(1));
        TimeSpan? retention = StorageOptions.Text(options, LockDaysOption) is null ? null : TimeSpan.FromDays(StorageOptions.Number(options, LockDaysOption, 0, 1, MaxLockDays));
        // A thief with the keys of an administrator passes over the other mode.
        bool isCompliance = StorageOptions.Choice(options, LockModeOption, "COMPLIANCE", "GOVERNANCE") is not "GOVERNANCE";
        DateTimeOffset? time = StorageOptions.Time(options, TimeOption);
        if (time is not null && retention is not null)
            throw new FormatException($"{TimeOption} and {LockDaysOption} exclude each other: what was cannot be written.");
        bool isAmazon = IsAmazon(url.Host);
        return new S3Address(new Uri(url.GetLeftPart(UriPartial.Authority)), parts[0], prefix.Length > 0 ? prefix + "/" : "")
        {
            Region = StorageOptions.Text(options, RegionOption) ?? HttpVariables.Value("AWS_DEFAULT_REGION") ?? HttpVariables.Value("AWS_REGION") ?? RegionOf(url.Host),
            IsPathStyle = StorageOptions.Choice(options, LookupOption, "auto", "dns", "path") switch
            {
                "dns" => false,
                "path" => true,
                // A bucket's name with a dot is not in the certificate for *.host.
                _ => !isAmazon || parts[0].Contains('.'),
            },
            StorageClass = storageClass,
            ListsByVersion1 = StorageOptions.Flag(options, ListOption),
            Retention = retention,
            IsCompliance = isCompliance,
            PointInTime = time,
            IsAnonymous = StorageOptions.Flag(options, AnonymousOption),
        };
    }

    private static bool IsAmazon(string host) =>
        host.EndsWith(".amazonaws.com", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".amazonaws.com.cn", StringComparison.OrdinalIgnoreCase);

    /// <summary>"eu-west-1" of "s3.eu-west-1.amazonaws.com" and of "s3.dualstack.eu-west-1.amazonaws.com"; null: the name has none.</summary>
    private static string? RegionOf(string host)
    {
        Match match = Regex.Match(host, @"^s3(?:\.dualstack)?[.-](?<region>[a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
        return match.Success ? match.Groups["region"].Value.ToLowerInvariant() : null;
    }
}
