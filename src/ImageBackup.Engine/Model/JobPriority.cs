namespace ImageBackup;

/// <summary>How a command's work stands to the other programs of the machine.</summary>
public enum JobPriority
{
    /// <summary>As any program.</summary>
    Normal,

    /// <summary>
    /// It gives way: on Linux the disk's idle class, and as root a nice value of 10 more; on Windows the background mode of threads.
    /// </summary>
    Background,
}
