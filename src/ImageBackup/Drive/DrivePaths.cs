using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Linq;
using System.Management.Automation;
using System.Threading;
using ImageBackup.Engine.Items.Drive;
using ImageBackup.Session;

namespace ImageBackup.Drive;

/// <summary>What lies at a path on a drive: the image, and the names in it, none for its root.</summary>
internal sealed record PlaceInImage(ImageBackupInfo Image, IReadOnlyList<string> Names);

/// <summary>Paths on drives of images, as parameters of the module's own commands. Pipeline thread only.</summary>
internal static class DrivePaths
{
    /// <summary>Whether a text is a path on a drive of images, there or not: with the drive's name, or while the session's location is on one.</summary>
    public static bool IsOnDrive(SessionState session, string text)
    {
        try
        {
            _ = session.Path.GetUnresolvedProviderPathFromPSPath(text, out ProviderInfo provider, out _);
            return provider.ImplementingType == typeof(ImageBackupProvider);
        }
        catch (RuntimeException failure) when (failure is not PipelineStoppedException)
        {
            return false;
        }
    }

    /// <summary>What a path means; by its wildcards several.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid: not a path on a drive, or one above its images. ItemNotFound; else as the drive's.</exception>
    public static IReadOnlyList<PlaceInImage> Find(SessionState session, string path, bool isLiteral, CancellationToken cancellation)
    {
        if (!IsOnDrive(session, path))
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"The command names no image, and '{path}' is not a path on a drive of images.", path);
        Collection<string> found;
        try
        {
            found = isLiteral ? [session.Path.GetUnresolvedProviderPathFromPSPath(path)] : session.Path.GetResolvedProviderPathFromPSPath(path, out _);
        }
        catch (ItemNotFoundException e)
        {
            throw new ImageBackupException(ErrorId.ItemNotFound, $"The drive has no '{path}'.", path, e);
        }
        return [.. found.Select(each => Find(each, path, cancellation))];
    }

    private static PlaceInImage Find(string providerPath, string path, CancellationToken cancellation)
    {
        foreach (BrowsedRepository browsed in SessionConnection.Browsed.Where(each => each.Connection.IsConnected).OrderByDescending(each => each.RootLength))
        {
            if (browsed.NamesOf(providerPath) is not { } names)
                continue;
            using DriveLease? lease = browsed.Tree.Acquire(names, cancellation);
            if (lease is null)
                break;
            return lease.Node.Image is { } image
                ? new PlaceInImage(image.Info, lease.Node.Item?.Names ?? [])
                : throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{path}' names no image, but what images lie in: go on with a volume and an image's time.", path);
        }
        throw new ImageBackupException(ErrorId.ItemNotFound, $"The drive has no '{path}'.", path);
    }
}
