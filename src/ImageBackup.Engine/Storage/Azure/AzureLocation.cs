using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using ImageBackup.Engine.Storage.Http;

namespace ImageBackup.Engine.Storage.Azure;

/// <summary>restic's <c>azure:CONTAINER:/PREFIX</c>, with its options and variables; the account is named by a variable.</summary>
internal static class AzureLocation
{
    public const string Scheme = "azure";

    /// <summary>The account that the container is in.</summary>
    public const string AccountVariable = "AZURE_ACCOUNT_NAME";

    private const string SuffixVariable = "AZURE_ENDPOINT_SUFFIX";
    private const string DefaultSuffix = "core.windows.net";
    private const string ConnectionsOption = "azure.connections";
    private const string TierOption = "azure.access-tier";

    /// <summary>Ours: the service of an emulator, or of an account behind a name of its own, is not at https://ACCOUNT.blob.SUFFIX.</summary>
    private const string EndpointOption = "azure.endpoint";

    public static StorageScheme Registration { get; } = new(Scheme, [ConnectionsOption, TierOption, EndpointOption], Parse, Open) { KeepsLimits = true };

    /// <exception cref="FormatException">It is not such a location, or an option's value is none.</exception>
    public static StorageLocation Parse(string address, IReadOnlyDictionary<string, string>? options)
    {
        AzureAddress parsed = AddressOf(address, options);
        return new StorageLocation(Scheme, $"{parsed.Container}:/{parsed.Prefix.TrimEnd('/')}", options: options);
    }

    /// <summary>Opens it without asking the service anything.</summary>
    /// <exception cref="FormatException">A variable or a file of certificates cannot be used.</exception>
    private static RetryingStorage Open(StorageLocation location) =>
        new RetryingStorage(StorageDriver.Load("ImageBackup.Storage.Azure", "ImageBackup.Storage.Azure.AzureDriver").Open(location), RetryingStorage.ServerWaits);

    /// <summary>An address with its options, and with the account, the authorities and the certificate that the environment names.</summary>
    /// <exception cref="FormatException">The account is not named, or a variable cannot be used.</exception>
    public static AzureAddress WithAccess(StorageLocation location)
    {
        AzureAddress address = AddressOf(location.Address, location.Options);
        if (HttpVariables.Value(AccountVariable) is not { } account)
            throw new FormatException($"No storage account is named: set {AccountVariable}.");
        if (!Regex.IsMatch(account, "^[a-z0-9]{3,24}$", RegexOptions.CultureInvariant))
            throw new FormatException($"The value of {AccountVariable} cannot be an account's name: 3 to 24 lowercase letters and digits.");
        Uri service = address.Service ?? ServiceOf(account, HttpVariables.Value(SuffixVariable) ?? DefaultSuffix);
        return address with
        {
            Account = account,
            Service = service,
            Access = HttpVariables.Access() with { Connections = StorageOptions.Connections(location.Options, Scheme), Limits = location.Limits },
        };
    }

    private static Uri ServiceOf(string account, string suffix) =>
        Uri.TryCreate($"https://{account}.blob.{suffix}/", UriKind.Absolute, out Uri? url) && url is { AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "" }
            ? url
            : throw new FormatException($"The value of {SuffixVariable} cannot be the end of a host's name, such as {DefaultSuffix} or core.chinacloudapi.cn.");

    internal static AzureAddress AddressOf(string address, IReadOnlyDictionary<string, string>? options)
    {
        int colon = address.IndexOf(':');
        if (colon < 0)
            throw new FormatException("What follows 'azure:' must be CONTAINER:/PATH.");
        string container = address.Substring(0, colon);
        if (!Regex.IsMatch(container, "^[a-z0-9](?:-?[a-z0-9]){2,62}$", RegexOptions.CultureInvariant) || container.Length > 63)
            throw new FormatException("What follows 'azure:' must be CONTAINER:/PATH; a container's name has 3 to 63 lowercase letters, digits and single hyphens.");
        string[] parts = [.. address.Substring(colon + 1).Split('/').Where(part => part.Length > 0 && part != ".")];
        if (parts.Contains("..") || parts.Any(part => part.Contains('\\')))
            throw new FormatException(@"The path behind the container may have no '..' and no '\'.");
        _ = StorageOptions.Connections(options, Scheme);
        return new AzureAddress(container, string.Concat(parts.Select(part => part + "/")))
        {
            // What is in the archive tier cannot be read at once: a repository with its locks and indexes there would be dead.
            AccessTier = StorageOptions.Choice(options, TierOption, "Hot", "Cool", "Cold"),
            Service = StorageOptions.Text(options, EndpointOption) is { } endpoint ? EndpointOf(endpoint) : null,
        };
    }

    private static Uri EndpointOf(string text) =>
        Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out Uri? url) && url is { Scheme: "http" or "https", Query: "", Fragment: "", UserInfo: "" }
            ? url
            : throw new FormatException($"{EndpointOption} must be the URL of an account's blob service, such as http://127.0.0.1:10000/devstoreaccount1, without a login.");
}
