using System;
using System.Globalization;
using System.Linq;
using Azure;
using Azure.Core;
using Azure.Identity;
using Azure.Storage;
using Azure.Storage.Blobs;
using ImageBackup.Engine.Storage.Azure;
using ImageBackup.Engine.Storage.Http;

namespace ImageBackup.Storage.Azure;

/// <summary>Who we are to the service, by restic's variables in restic's order: a key, a shared access signature, else a credential of Microsoft's.</summary>
internal sealed class AzureLogin
{
    private const string KeyVariable = "AZURE_ACCOUNT_KEY";
    private const string SignatureVariable = "AZURE_ACCOUNT_SAS";
    private const string CliVariable = "AZURE_FORCE_CLI_CREDENTIAL";

    private static readonly string[] s_yes = ["1", "t", "T", "TRUE", "true", "True"];
    private static readonly string[] s_no = ["0", "f", "F", "FALSE", "false", "False"];

    private readonly Func<Uri, BlobClientOptions, BlobContainerClient> _open;

    private AzureLogin(string name, Func<Uri, BlobClientOptions, BlobContainerClient> open)
    {
        Name = name;
        _open = open;
    }

    /// <summary>What it is called to people: a variable's name, or the credential's.</summary>
    public string Name { get; }

    /// <summary>When a shared access signature ends; null: it does not say, or the login is of another kind.</summary>
    public DateTimeOffset? Expiry { get; private init; }

    /// <summary>As the variables are now.</summary>
    /// <exception cref="FormatException">A variable cannot be used; its value is not told.</exception>
    public static AzureLogin FromVariables(string account)
    {
        if (HttpVariables.Value(KeyVariable) is { } key)
            return new AzureLogin(KeyVariable, OpenByKey(account, key));
        if (HttpVariables.Value(SignatureVariable) is { } given)
        {
            string signature = given.TrimStart('?');
            return new AzureLogin(SignatureVariable, (container, options) => new BlobContainerClient(container, new AzureSasCredential(signature), options)) { Expiry = ExpiryOf(signature) };
        }
        bool isCli = HttpVariables.Value(CliVariable) is { } flag && (s_yes.Contains(flag) || (s_no.Contains(flag) ? false
            : throw new FormatException($"{CliVariable} must be true or false.")));
        TokenCredential credential = isCli
            ? new AzureCliCredential(Quiet(new AzureCliCredentialOptions()))
            // As restic's: nothing that opens a window or asks an editor.
            : new DefaultAzureCredential(Quiet(new DefaultAzureCredentialOptions
            {
                ExcludeInteractiveBrowserCredential = true,
                ExcludeVisualStudioCredential = true,
                ExcludeVisualStudioCodeCredential = true,
            }));
        return new AzureLogin(isCli ? "the login of the program 'az'" : "the default credential", (container, options) => new BlobContainerClient(container, credential, options));
    }

    /// <summary>A client for a container; nothing is asked of the service.</summary>
    public BlobContainerClient Open(Uri container, BlobClientOptions options) => _open(container, options);

    private static Func<Uri, BlobClientOptions, BlobContainerClient> OpenByKey(string account, string key)
    {
        StorageSharedKeyCredential credential;
        try
        {
            credential = new StorageSharedKeyCredential(account, key);
        }
        catch (FormatException)
        {
            // Without the cause: it may hold the key.
            throw new FormatException($"The value of {KeyVariable} is not an account's key: that is base64.");
        }
        return (container, options) => new BlobContainerClient(container, credential, options);
    }

    private static DateTimeOffset? ExpiryOf(string signature)
    {
        foreach (string part in signature.Split('&'))
        {
            if (part.StartsWith("se=", StringComparison.Ordinal)
                && DateTimeOffset.TryParse(Uri.UnescapeDataString(part.Substring(3)), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time))
            {
                return time;
            }
        }
        return null;
    }

    private static T Quiet<T>(T options) where T : TokenCredentialOptions
    {
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsTelemetryEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        return options;
    }
}
