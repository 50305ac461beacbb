using System;
using System.Collections.Generic;
using System.Globalization;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>
/// ZFS: the label's list of names and values says whether the pool was exported, and which host has imported it (hostid, hostname).
/// Layouts: ZFS On-Disk Specification, chapter 1 (label: the list is at 16 KiB); the list is XDR, big-endian (nvpair).
/// </summary>
internal static class ZfsUsage
{
    private const int LabelBytes = 256 << 10;
    private const int ListOffset = 16 << 10;
    private const int ListBytes = 112 << 10;
    private const int TypeNumber = 8;
    private const int TypeText = 9;
    private const int MostPairs = 256;
    private const ulong StateActive = 0;

    public static UsageSign? Read(IBlockReader volume, UsageContext context)
    {
        long endBytes = volume.LengthBytes / LabelBytes * LabelBytes;
        foreach (long label in new[] { 0, LabelBytes, endBytes - 2 * LabelBytes, endBytes - LabelBytes })
        {
            if (volume.TryRead(label + ListOffset, ListBytes) is not { } bytes || ReadList(bytes) is not { } list
                || !list.Texts.TryGetValue("name", out string? pool) || !list.Numbers.TryGetValue("state", out ulong state))
                continue;
            list.Numbers.TryGetValue("hostid", out ulong hostId);
            list.Numbers.TryGetValue("txg", out ulong transaction);
            list.Numbers.TryGetValue("pool_guid", out ulong id);
            list.Texts.TryGetValue("hostname", out string? host);
            bool isOurs = context.HostId is { } own && hostId != 0 ? hostId == own : host is not null && context.IsThisComputer(host);
            return new UsageSign
            {
                Type = "zfs_member",
                Trace = string.Format(CultureInfo.InvariantCulture, "{0:x} {1} {2} {3:x}", id, transaction, state, hostId),
                Elsewhere = state == StateActive && !isOurs
                    ? $"the pool '{pool}' was not exported by {(host is null ? "the host that imported it" : $"the computer '{host}'")}{(hostId != 0 ? $" (hostid {hostId:x8})" : "")}"
                    : null,
            };
        }
        return null;
    }

    private static (Dictionary<string, string> Texts, Dictionary<string, ulong> Numbers)? ReadList(byte[] bytes)
    {
        // Encoding 1 is XDR; then version and flags.
        if (bytes[0] != 1 || BigEndian.UInt32(bytes, 4) != 0)
            return null;
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        var numbers = new Dictionary<string, ulong>(StringComparer.Ordinal);
        int at = 12;
        for (int i = 0; i < MostPairs; i++)
        {
            uint sizeBytes = BigEndian.UInt32(bytes, at);
            if (sizeBytes == 0)
                return (texts, numbers);
            if (sizeBytes is < 20 or > ListBytes)
                return null;
            uint nameBytes = BigEndian.UInt32(bytes, at + 8);
            if (nameBytes > sizeBytes - 20)
                return null;
            string name = UsageSigns.Name(StructureBounds.Field(bytes, at + 12, (int)nameBytes)) ?? "";
            int value = at + 12 + (((int)nameBytes + 3) & ~3);
            uint type = BigEndian.UInt32(bytes, value);
            // Then the number of elements, which is 1 for these.
            if (type == TypeNumber)
                numbers[name] = BigEndian.UInt64(bytes, value + 8);
            else if (type == TypeText && BigEndian.UInt32(bytes, value + 8) is var length && length <= sizeBytes)
                texts[name] = UsageSigns.Name(StructureBounds.Field(bytes, value + 12, (int)length)) ?? "";
            at += (int)sizeBytes;
        }
        return null;
    }
}
