namespace ImageBackup.Engine.Images.Format;

/// <summary>The tag that every image of ours carries, so that restic's users can tell them: <c>restic snapshots --tag imagebackup</c>.</summary>
internal static class ImageTag
{
    public const string Name = "imagebackup";

    /// <summary>The tag of an image that nothing lets expire: <c>restic forget --keep-tag pinned</c> keeps it too.</summary>
    public const string Pinned = "pinned";
}
