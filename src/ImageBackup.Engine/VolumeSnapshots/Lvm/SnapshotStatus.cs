using System;
using System.Globalization;

namespace ImageBackup.Engine.VolumeSnapshots.Lvm;

/// <summary>
/// What the device mapper says of a snapshot. Layout: the kernel's Documentation/admin-guide/device-mapper/snapshot.rst and
/// thin-provisioning.rst: "start length snapshot allocated/total metadata" in sectors of 512 bytes, or "... snapshot Invalid",
/// "... snapshot Overflow"; "start length thin mapped highest", or "... thin Fail".
/// </summary>
internal static class SnapshotStatus
{
    private const int SectorBytes = 512;
    private const int TargetField = 2;

    public static SnapshotState Parse(string line)
    {
        string[] fields = line.Trim().Split([' '], StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length <= TargetField + 1)
            return Invalid($"the device mapper's answer '{line.Trim()}' is not understood");
        string target = fields[TargetField], value = fields[TargetField + 1];
        switch (target)
        {
            case "snapshot" when value is "Invalid" or "Overflow":
                return Invalid("its room for changed blocks is full");
            case "snapshot":
                string[] parts = value.Split('/');
                if (parts.Length != 2 || !TryNumber(parts[0], out long used) || !TryNumber(parts[1], out long total))
                    return Invalid($"the device mapper says '{value}'");
                // The kernel gives it up with the next block that changes.
                return new SnapshotState { IsValid = true, CacheBytes = total * SectorBytes, CacheUsedBytes = used * SectorBytes };
            case "thin" when value == "Fail":
                return Invalid("its thin pool has failed");
            case "thin":
                return new SnapshotState { IsValid = true };
            default:
                return Invalid($"the device is not a snapshot but '{target}'");
        }
    }

    public static SnapshotState Invalid(string fault) => new() { IsValid = false, Fault = fault };

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < long.MaxValue / SectorBytes;
}
