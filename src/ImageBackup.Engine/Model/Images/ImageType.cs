namespace ImageBackup;

/// <summary>How quiet the volume was while it was copied; TSM's three image types.</summary>
public enum ImageType
{
    /// <summary>No program could write: unmounted, or locked.</summary>
    Static,

    /// <summary>Copied while it was mounted and could be written to: may be fuzzy.</summary>
    Dynamic,

    /// <summary>A point-in-time copy made by a snapshot provider.</summary>
    Snapshot,
}
