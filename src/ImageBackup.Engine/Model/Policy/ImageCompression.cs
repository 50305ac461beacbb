namespace ImageBackup;

/// <summary>How much time compressing may take: the names are those of restic's --compression.</summary>
public enum ImageCompression
{
    /// <summary>Data is stored as it is. Trees, indexes and snapshot records are compressed still, as restic's are.</summary>
    Off,

    /// <summary>Less time than Auto, and a little more to store.</summary>
    Fastest,

    /// <summary>The default: about as fast as a disk. Data that does not shrink is stored as it is.</summary>
    Auto,

    /// <summary>Several times Auto's processor time, and less to store.</summary>
    Better,

    /// <summary>As little to store as can be had; many times Auto's processor time.</summary>
    Max,
}
