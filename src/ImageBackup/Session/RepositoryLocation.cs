using System;
using ImageBackup.Engine.Errors;

namespace ImageBackup.Session;

/// <summary>Repository locators, restic's spelling: a path, or a scheme and what follows it.</summary>
internal static class RepositoryLocation
{
    public const string Variable = "RESTIC_REPOSITORY";

    private static readonly string[] s_remoteSchemes = ["sftp", "rest", "s3", "swift", "b2", "azure", "gs", "rclone"];

    /// <summary>The path in a locator.</summary>
    /// <exception cref="ImageBackupException">NotSupported: a kind of storage that this version does not reach.</exception>
    public static string PathOf(string locator)
    {
        int colon = locator.IndexOf(':');
        if (colon <= 1)
            return locator;
        string scheme = locator.Substring(0, colon);
        if (scheme == "local")
            return locator.Substring(colon + 1);
        if (Array.IndexOf(s_remoteSchemes, scheme) >= 0)
        {
            throw new ImageBackupException(
                ErrorId.NotSupported, $"Repositories on '{scheme}:' storage cannot be used; name a local or UNC path.", locator)
            {
                RecommendedAction = "Mount or share the storage and name its path.",
            };
        }
        return locator;
    }
}
