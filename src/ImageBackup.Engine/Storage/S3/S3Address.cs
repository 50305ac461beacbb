using System;
using ImageBackup.Engine.Storage.Http;

namespace ImageBackup.Engine.Storage.S3;

/// <summary>Where a repository lies in an S3 service, and how it is spoken to. The credentials are the SDK's business.</summary>
/// <param name="Service">The service's URL, without bucket and path.</param>
/// <param name="Bucket">The bucket's name.</param>
/// <param name="Prefix">What stands before each key, with a slash at its end; empty: nothing.</param>
internal sealed record S3Address(Uri Service, string Bucket, string Prefix)
{
    /// <summary>The region that requests are signed for; null: none is named, and the service's answer may name it.</summary>
    public string? Region { get; init; }

    /// <summary>The bucket stands in the path, not in the host's name.</summary>
    public bool IsPathStyle { get; init; }

    /// <summary>What new files are stored as; null: the service's own choice.</summary>
    public string? StorageClass { get; init; }

    /// <summary>Lists by the first version of the API: for services that lack the second.</summary>
    public bool ListsByVersion1 { get; init; }

    /// <summary>Requests are not signed.</summary>
    public bool IsAnonymous { get; init; }

    /// <summary>So long new files are kept from being removed or changed by anybody; null: they are not.</summary>
    public TimeSpan? Retention { get; init; }

    /// <summary>Nobody at all can end a retention, not even the account's owner; else who has the right to pass over it can.</summary>
    public bool IsCompliance { get; init; }

    /// <summary>The repository is read as it was then, out of the bucket's versions; null: as it is.</summary>
    public DateTimeOffset? PointInTime { get; init; }

    public HttpAccess Access { get; init; } = new();
}
