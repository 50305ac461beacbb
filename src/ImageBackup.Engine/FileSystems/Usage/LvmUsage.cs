using System;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>
/// LVM2: the volume group's metadata, which is text, says that the group is a cluster's (CLUSTERED, or a lock manager) or that it belongs to
/// another computer (system_id). Layout: LVM2's label, physical volume header and metadata area header, all little-endian.
/// </summary>
internal static class LvmUsage
{
    private const int SectorBytes = 512;
    private const int MostMetadataBytes = 1 << 20;
    private const int AreaHeaderBytes = 512;
    private const int MostAreas = 16;
    private static readonly TimeSpan s_patternTime = TimeSpan.FromSeconds(1);

    public static UsageSign? Read(IBlockReader volume, UsageContext context)
    {
        if (volume.TryRead(0, 4 * SectorBytes) is not { } head)
            return null;
        for (int at = 0; at < head.Length; at += SectorBytes)
        {
            ReadOnlySpan<byte> label = head.AsSpan(at, SectorBytes);
            if (!label.StartsWith("LABELONE"u8) || !label.Slice(24).StartsWith("LVM2 001"u8))
                continue;
            string? text = ReadMetadata(volume, label);
            return new UsageSign
            {
                Type = "LVM2_member",
                Trace = string.Format(CultureInfo.InvariantCulture, "{0} {1}", UsageSigns.Name(label.Slice(32, 32)), text is null ? null : Match(text, @"\bseqno\s*=\s*(\d+)")),
                Elsewhere = text is null ? null : Elsewhere(text, context),
            };
        }
        return null;
    }

    private static string? Elsewhere(string metadata, UsageContext context)
    {
        // The group's own values stand before its members.
        int members = metadata.IndexOf("physical_volumes", StringComparison.Ordinal);
        string group = members > 0 ? metadata.Substring(0, members) : metadata;
        string name = Match(group, @"^\s*([A-Za-z0-9+_.-]+)\s*\{") is { } found ? $"the volume group '{found}'" : "its volume group";
        if (Match(group, "\\bstatus\\s*=\\s*(\\[[^\\]]*\"CLUSTERED\"[^\\]]*\\])") is not null)
            return $"{name} is a cluster's";
        if (Match(group, "\\block_type\\s*=\\s*\"([^\"]+)\"") is { } manager && manager != "none")
            return $"{name} is shared by the lock manager {manager}";
        return Match(group, "\\bsystem_id\\s*=\\s*\"([^\"]+)\"") is { } owner && !context.IsThisComputer(owner) && !context.SystemIds.Contains(owner, StringComparer.OrdinalIgnoreCase)
            ? $"{name} belongs to the computer '{owner}'"
            : null;
    }

    /// <summary>The text of the first metadata area; null if there is none.</summary>
    private static string? ReadMetadata(IBlockReader volume, ReadOnlySpan<byte> label)
    {
        int header = (int)Math.Min(LittleEndian.UInt32(label, 20), SectorBytes);
        // UUID and size, then the data areas' list, a pair of zeros, then the metadata areas' list: pairs of offset and size.
        int at = header + 40;
        for (int i = 0; i < MostAreas && LittleEndian.UInt64(label, at) != 0; i++)
            at += 16;
        long area = LittleEndian.Int63(label, at + 16), areaBytes = LittleEndian.Int63(label, at + 24);
        if (area == 0 || areaBytes <= AreaHeaderBytes || volume.TryRead(area, AreaHeaderBytes) is not { } bytes || !bytes.AsSpan(4).StartsWith(" LVM2 x[5A%r0N*>"u8))
            return null;
        long start = LittleEndian.Int63(bytes, 40), length = LittleEndian.Int63(bytes, 48);
        if (start < AreaHeaderBytes || start >= areaBytes || length is <= 0 or > MostMetadataBytes || length > areaBytes - AreaHeaderBytes)
            return null;
        // The area is a ring behind its header.
        long first = Math.Min(length, areaBytes - start);
        string text = volume.TryRead(area + start, (int)first) is { } part ? Encoding.UTF8.GetString(part) : "";
        if (length > first && volume.TryRead(area + AreaHeaderBytes, (int)(length - first)) is { } rest)
            text += Encoding.UTF8.GetString(rest);
        return text;
    }

    private static string? Match(string text, string pattern)
    {
        try
        {
            Match match = Regex.Match(text, pattern, RegexOptions.CultureInvariant, s_patternTime);
            return match.Success ? UsageSigns.Name(Encoding.UTF8.GetBytes(match.Groups[1].Value)) : null;
        }
        catch (RegexMatchTimeoutException)
        {
            return null;
        }
    }
}
