using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ImageBackup.Engine.Disks;
using ImageBackup.Engine.Volumes.Linux.Devices;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux;

/// <summary>
/// Collects what travels with a Linux block device: from /sys and the disk's own partition table, and from udev's database only
/// what these do not tell (a container has none, and a user without rights cannot read the table).
/// </summary>
internal static class LinuxIdentity
{
    private const string LvmPrefix = "LVM-";
    private const int LvmUuidChars = 64;
    private const int LeastHardwareIdChars = 6;

    /// <summary>The device mapper's UUIDs that hold only a name, or a random number of this boot.</summary>
    private static readonly string[] s_namesOnly = ["CRYPT-PLAIN-", "CRYPT-TEMP-", "CRYPT-LOOPAES-"];

    /// <summary>Serials that makers give to every disk, and QEMU to a slot (QM00001, drive-scsi0).</summary>
    private static readonly string[] s_sharedIds = ["QEMU", "QM0000", "123456789", "drive-"];

    public static VolumeIdentity Of(SysDevice device, DeviceTree tree, DeviceNames names)
    {
        // A loop device over the whole of another device shows that one.
        if (tree.DeviceBehind(device) is { } behind && behind != device && device.LoopOffsetBytes == 0)
            return Of(behind, tree, names);
        return VolumeIdentity.Of(FactsOf(device, tree, names).OfType<IdentityFact>());
    }

    private static IEnumerable<IdentityFact?> FactsOf(SysDevice device, DeviceTree tree, DeviceNames names)
    {
        IReadOnlyDictionary<string, string> udev = names.UdevOf(device);
        if (device.MapperUuid is { } mapper)
            yield return OfMapper(mapper);
        if ((device.RaidUuid ?? udev.Find("MD_UUID")) is { } raid && device.Disk is null)
            yield return new IdentityFact(IdentityFactKind.RaidArray, raid.ToLowerInvariant());
        if (device is { BackingFile: { } file, IsBackingFileDeleted: false } && tree.DeviceBehind(device) is null)
        {
            string path = LinuxPath.Resolve(file) ?? file;
            yield return new IdentityFact(IdentityFactKind.File, device.LoopOffsetBytes == 0 ? path : path + "@" + Text(device.LoopOffsetBytes));
        }
        if (device.Disk is { } diskName && tree.ByKernelName(diskName) is { } disk)
        {
            DiskTable? table = names.TableOf(disk);
            yield return OfPartition(device, table, udev);
            if ((FileBehind(disk) ?? HardwareId(device, names.UdevOf(disk))) is { } slot)
                yield return new IdentityFact(IdentityFactKind.Hardware, slot + "@" + Text(device.StartBytes));
            yield break;
        }
        if (names.TableOf(device) is { DiskId: { } id } own)
            yield return new IdentityFact(own.IsGpt ? IdentityFactKind.GptDisk : IdentityFactKind.MbrDisk, id);
        if (HardwareId(device, udev) is { } whole)
            yield return new IdentityFact(IdentityFactKind.Hardware, whole);
    }

    /// <summary>LVM's is a place of its own; an id with the user's name at its end is cut to the id.</summary>
    internal static IdentityFact? OfMapper(string uuid)
    {
        if (uuid.StartsWith(LvmPrefix, StringComparison.Ordinal) && uuid.Length >= LvmPrefix.Length + LvmUuidChars)
        {
            // An ending (-real, -cow) is a hidden part of a volume.
            return uuid.Length == LvmPrefix.Length + LvmUuidChars
                ? new IdentityFact(IdentityFactKind.LogicalVolume, uuid.Substring(LvmPrefix.Length))
                : new IdentityFact(IdentityFactKind.DeviceMapper, uuid);
        }
        if (Array.Exists(s_namesOnly, prefix => uuid.StartsWith(prefix, StringComparison.Ordinal)))
            return null;
        if (uuid.StartsWith("CRYPT-", StringComparison.Ordinal))
        {
            // CRYPT-LUKS2-<32 hexadecimal digits>-<name>
            string[] parts = uuid.Split(['-'], 4);
            return parts.Length >= 3 && parts[2].Length == 32 ? new IdentityFact(IdentityFactKind.DeviceMapper, string.Join("-", parts, 0, 3)) : null;
        }
        return new IdentityFact(IdentityFactKind.DeviceMapper, uuid);
    }

    private static IdentityFact? OfPartition(SysDevice device, DiskTable? table, IReadOnlyDictionary<string, string> udev)
    {
        if (table is { IsGpt: true, Partitions.Count: > 0 } && (table.PartitionAt(device.StartBytes)?.Uuid ?? device.PartitionUuid) is { } uuid)
            return new IdentityFact(IdentityFactKind.GptPartition, table.DiskId + "/" + uuid);
        if (table is { IsGpt: false, DiskId: { } mbr })
            return new IdentityFact(IdentityFactKind.MbrPartition, mbr + "@" + Text(device.StartBytes));
        if (table is { Partitions.Count: > 0 })
            return null;
        // The table cannot be read: what the kernel and udev read of it.
        string? known = (device.PartitionUuid ?? udev.Find("ID_PART_ENTRY_UUID"))?.ToLowerInvariant();
        string? diskId = udev.Find("ID_PART_TABLE_UUID")?.ToLowerInvariant();
        if (known is null)
            return null;
        if (Guid.TryParse(known, out _))
            return new IdentityFact(IdentityFactKind.GptPartition, diskId + "/" + known);
        string signature = known.Split('-')[0];
        return signature.Length == 8 && signature != "00000000"
            ? new IdentityFact(IdentityFactKind.MbrPartition, signature + "@" + Text(device.StartBytes))
            : null;
    }

    /// <summary>What a loop device lies on is its file.</summary>
    private static string? FileBehind(SysDevice disk) => disk is { BackingFile: { } file, IsBackingFileDeleted: false } ? LinuxPath.Resolve(file) ?? file : null;

    private static string? HardwareId(SysDevice device, IReadOnlyDictionary<string, string> udevOfDisk) =>
        (device.HardwareId ?? udevOfDisk.Find("ID_WWN_WITH_EXTENSION") ?? udevOfDisk.Find("ID_WWN") ?? udevOfDisk.Find("ID_SERIAL")) is { } id && IsUsable(id)
            ? string.Join(" ", id.Split([' '], StringSplitOptions.RemoveEmptyEntries))
            : null;

    internal static bool IsUsable(string hardwareId)
    {
        string digits = new([.. hardwareId.Where(char.IsLetterOrDigit)]);
        return digits.Length >= LeastHardwareIdChars && digits.Trim(digits[0]).Length > 0
            && !Array.Exists(s_sharedIds, shared => hardwareId.IndexOf(shared, StringComparison.OrdinalIgnoreCase) >= 0);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
