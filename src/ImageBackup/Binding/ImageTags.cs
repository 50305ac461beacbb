using System.Collections.Generic;

namespace ImageBackup.Binding;

/// <summary>Tags as users write them.</summary>
internal static class ImageTags
{
    /// <exception cref="ImageBackupException">ParameterInvalid: restic could not name the tag.</exception>
    public static void ThrowIfUnusable(IEnumerable<string>? tags)
    {
        foreach (string tag in tags ?? [])
        {
            if (tag is null || tag.Trim().Length == 0 || tag.IndexOf(',') >= 0)
                throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{tag}' cannot be a tag: it is blank or has a comma.", "Tag");
        }
    }
}
