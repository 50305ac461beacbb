namespace ImageBackup;

/// <summary>
/// How hard to try for a quiet volume: TSM's copy serialization, read for images. N is ChangingRetries.
/// </summary>
public enum SerializationMode
{
    /// <summary>One attempt to get the volume quiet, then the backup fails.</summary>
    Static,

    /// <summary>1 + N attempts, then the backup fails. TSM's default.</summary>
    ShrStatic,

    /// <summary>1 + N attempts, the last of them takes the volume as it is and marks the image fuzzy.</summary>
    ShrDynamic,

    /// <summary>No attempt: the volume is taken as it is and the image is marked fuzzy.</summary>
    Dynamic,
}
