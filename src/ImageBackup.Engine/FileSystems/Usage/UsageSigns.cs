using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>Reads the signs of use of everything that a volume bears. Every kind has a sign of its own; some have none.</summary>
/// <remarks>
/// FAT, exFAT, f2fs, ReFS, BitLocker and LUKS1 keep nothing that tells a computer's crash from another computer's use: a mark
/// that says "not unmounted" without a time or a name is not a sign.
/// </remarks>
internal static class UsageSigns
{
    private delegate UsageSign? Kind(IBlockReader volume, UsageContext context);

    private static readonly Kind[] s_kinds =
    [
        ExtUsage.Read, XfsUsage.Read, BtrfsUsage.Read, NtfsUsage.Read, SwapUsage.Read, LuksUsage.Read,
        LvmUsage.Read, RaidUsage.Read, ZfsUsage.Read, ClusterUsage.ReadGfs2, ClusterUsage.ReadOcfs2, ClusterUsage.ReadVmfs,
    ];

    /// <summary>All signs. Never an exception for bad bytes.</summary>
    /// <exception cref="BlockReadException">The volume could not be read.</exception>
    public static IReadOnlyList<UsageSign> Read(IBlockReader volume, UsageContext context)
    {
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        if (context is null)
            throw new ArgumentNullException(nameof(context));
        var signs = new List<UsageSign>();
        foreach (Kind kind in s_kinds)
        {
            try
            {
                if (kind(volume, context) is { } sign)
                    signs.Add(sign);
            }
            catch (FileSystemFormatException)
            {
                // Damaged: it says nothing.
            }
        }
        return signs;
    }

    /// <summary>Seconds since 1970; null for 0 and for what no calendar has.</summary>
    internal static DateTimeOffset? UnixTime(long seconds) =>
        seconds is > 0 and < 253402300800 ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

    internal static string Text(DateTimeOffset time) => time.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>Up to the first NUL, what no name has cut out; null if nothing is left.</summary>
    internal static string? Name(ReadOnlySpan<byte> bytes)
    {
        string text = Encoding.UTF8.GetString((bytes.IndexOf((byte)0) is var end and >= 0 ? bytes.Slice(0, end) : bytes).ToArray());
        var clean = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (!char.IsControl(c))
                clean.Append(c);
        }
        return clean.Length == 0 ? null : clean.ToString();
    }

    /// <summary>The clause for a file system that was not unmounted and was written since this computer started; null otherwise.</summary>
    internal static string? WrittenSinceStart(DateTimeOffset? written, UsageContext context) => written is { } time && time > context.StartTime
        ? $"it was not unmounted, and was written at {Text(time)}, after this computer started: another computer has it mounted, or it was removed while it was mounted here"
        : null;
}
