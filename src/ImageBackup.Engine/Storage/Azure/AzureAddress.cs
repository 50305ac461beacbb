using System;
using ImageBackup.Engine.Storage.Http;

namespace ImageBackup.Engine.Storage.Azure;

/// <summary>Where a repository lies in an account of Azure's blob storage, and how it is spoken to. The login is read when it is opened.</summary>
/// <param name="Container">The container's name.</param>
/// <param name="Prefix">What stands before each blob's name, with a slash at its end; empty: nothing.</param>
internal sealed record AzureAddress(string Container, string Prefix)
{
    /// <summary>The account's name, which requests are signed with; empty until the environment is asked.</summary>
    public string Account { get; init; } = "";

    /// <summary>The URL of the account's blob service; null: none was named, and the account's name tells it.</summary>
    public Uri? Service { get; init; }

    /// <summary>What new files are stored as; null: the account's own choice.</summary>
    public string? AccessTier { get; init; }

    public HttpAccess Access { get; init; } = new();
}
