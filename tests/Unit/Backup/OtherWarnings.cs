using System;
using System.Collections.Generic;

namespace ImageBackup.Tests.Unit.Backup;

/// <summary>Most volumes of these tests hold bytes that are not a file system, which every image of them says.</summary>
internal static class OtherWarnings
{
    public const string UnknownContent = "no file system that is known here was found on it";

    /// <summary>An image's warnings but for the one that nothing was recognised.</summary>
    public static List<string> OtherWarningsOf(ImageBackupInfo image)
    {
        var others = new List<string>(image.Warnings);
        others.RemoveAll(static warning => warning.Contains(UnknownContent, StringComparison.Ordinal));
        return others;
    }
}
