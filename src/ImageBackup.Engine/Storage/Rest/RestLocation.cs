using System;
using System.Collections.Generic;
using ImageBackup.Engine.Storage.Http;

namespace ImageBackup.Engine.Storage.Rest;

/// <summary>restic's <c>rest:http(s)://[user[:password]@]host:8000/path/</c>, its variables and options.</summary>
internal static class RestLocation
{
    public const string Scheme = "rest";
    public const string ConnectionsOption = "rest.connections";

    private const string UserVariable = "RESTIC_REST_USERNAME";
    private const string PasswordVariable = "RESTIC_REST_PASSWORD";

    public static StorageScheme Registration { get; } = new(Scheme, [ConnectionsOption], Parse, location => new RetryingStorage(Open(location), RetryingStorage.ServerWaits)) { KeepsLimits = true };

    /// <exception cref="FormatException">It is not such a URL; no secret is in the message.</exception>
    public static StorageLocation Parse(string address, IReadOnlyDictionary<string, string>? options)
    {
        // A password may hold what ends a URL's host: the last @ before the path counts, as for restic.
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0)
            throw new FormatException("What follows 'rest:' must be http://HOST:PORT/PATH/ or https://HOST:PORT/PATH/.");
        if (url.Query.Length > 0 || url.Fragment.Length > 0)
            throw new FormatException("The URL behind 'rest:' may have no '?' and no '#'; in a name or password they are written %3F and %23.");
        string user = url.UserInfo.Split(':')[0];
        string shown = $"{url.Scheme}://{(user.Length > 0 ? user + "@" : "")}{url.Authority}{Path(url)}";
        _ = StorageOptions.Connections(options, Scheme);
        return new StorageLocation(Scheme, address, Scheme + ":" + shown, options);
    }

    private static string Path(Uri url) => url.AbsolutePath.EndsWith("/", StringComparison.Ordinal) ? url.AbsolutePath : url.AbsolutePath + "/";

    /// <summary>Opens it without asking the server anything.</summary>
    /// <exception cref="FormatException">A file of certificates cannot be used.</exception>
    public static RestStorage Open(StorageLocation location) => Open(location, HttpAccess.DefaultIdle);

    internal static RestStorage Open(StorageLocation location, TimeSpan idle)
    {
        var url = new Uri(location.Address);
        string[] login = url.UserInfo.Split([':'], 2);
        string? user = login[0].Length > 0 ? Uri.UnescapeDataString(login[0]) : HttpVariables.Value(UserVariable);
        string? password = login.Length == 2 ? Uri.UnescapeDataString(login[1]) : HttpVariables.Value(PasswordVariable);
        HttpAccess access = HttpVariables.Access() with
        {
            UserName = user,
            Password = password,
            Connections = StorageOptions.Connections(location.Options, Scheme),
            Limits = location.Limits,
            Idle = idle,
        };
        var root = new Uri($"{url.Scheme}://{url.Authority}{Path(url)}");
        return new RestStorage(location, root, access);
    }
}
