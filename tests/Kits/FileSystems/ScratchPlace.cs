using System;
using System.IO;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>
/// Where images of volumes lie whose file systems are tested: in memory, if there is plenty. Gigabytes of noise are written over what is free, and a kernel or a tool
/// flushes each volume dozens of times; what the disk below does with that is not what is tested.
/// </summary>
internal static class ScratchPlace
{
    private const long PlentyBytes = 6L << 30;

    public static string Path { get; } =
        Directory.Exists("/dev/shm") && new DriveInfo("/dev/shm").AvailableFreeSpace > PlentyBytes && GC.GetGCMemoryInfo().TotalAvailableMemoryBytes > 3 * PlentyBytes
            ? "/dev/shm" : System.IO.Path.GetTempPath();
}
