using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Engine.Jobs;

/// <summary>Which images to list; null = any.</summary>
public sealed record ImageFilter
{
    /// <summary>Volume names or their wildcard patterns (* ? [...]); any of them.</summary>
    public IReadOnlyList<string>? Volumes { get; init; }
    public IReadOnlyList<string>? ComputerNames { get; init; }

    /// <summary>Beginnings of ids.</summary>
    public IReadOnlyList<string>? Ids { get; init; }

    /// <summary>The newest image of each volume at or before this time.</summary>
    public DateTimeOffset? PointInTime { get; init; }
    public IReadOnlyList<string>? Tags { get; init; }
    public bool IncludeInactive { get; init; }
}

/// <summary>The images of a repository.</summary>
public sealed class ImageCatalog(ImageRepository repository)
{
    /// <summary>
    /// Lists images, newest last. A snapshot that cannot be read is reported to <paramref name="onWarning"/> with its
    /// error and left out.
    /// </summary>
    public IReadOnlyList<ImageBackupInfo> List(ImageFilter filter, Action<Exception>? onWarning, CancellationToken cancellation)
    {
        _ = repository;
        throw new NotImplementedException();
    }

    /// <summary>One image by the beginning of its id.</summary>
    /// <exception cref="Errors.ImageBackupException">ImageNotFound, ImageAmbiguous.</exception>
    public ImageBackupInfo Find(string idPrefix, CancellationToken cancellation)
    {
        throw new NotImplementedException();
    }
}
