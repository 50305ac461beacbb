using System;
using System.Collections.Generic;
using System.Globalization;

namespace ImageBackup.Engine.Policy.Options;

/// <summary>
/// One option of the rule syntax: its name, how far it may be shortened, how its value reads and writes. TSM
/// shows the shortest form of a name in capitals (IMAGEGapsize); any longer beginning is the same option.
/// </summary>
internal sealed class OptionKeyword
{
    /// <summary>Returns the options with the value set; null if the value cannot be used.</summary>
    public delegate ImageOptions? Setter(ImageOptions options, string value);

    private static readonly ImageType[] s_imageTypes = { ImageType.Static, ImageType.Dynamic, ImageType.Snapshot };
    private static readonly SerializationMode[] s_serializations =
        { SerializationMode.Static, SerializationMode.ShrStatic, SerializationMode.ShrDynamic, SerializationMode.Dynamic };

    private static readonly ImageCompression[] s_compressions =
        { ImageCompression.Off, ImageCompression.Fastest, ImageCompression.Auto, ImageCompression.Better, ImageCompression.Max };

    private OptionKeyword(string shortest, string rest, string values, Setter set, Func<ImageOptions, string?>? get)
    {
        Name = shortest + rest;
        ShortestLength = shortest.Length;
        Values = values;
        Set = set;
        Get = get;
    }

    public string Name { get; }
    public int ShortestLength { get; }

    /// <summary>What values there are, for error messages.</summary>
    public string Values { get; }
    public Setter Set { get; }

    /// <summary>The value as it is written; null if the option is not set, or is written under another name.</summary>
    public Func<ImageOptions, string?>? Get { get; }

    public bool Matches(string word) =>
        word.Length >= ShortestLength && Name.StartsWith(word, StringComparison.OrdinalIgnoreCase);

    public static OptionKeyword? Find(string word)
    {
        foreach (var keyword in All)
        {
            if (keyword.Matches(word))
                return keyword;
        }

        return null;
    }

    /// <summary>In the order in which they are written. No name is the shortest form of two of them (tested).</summary>
    public static IReadOnlyList<OptionKeyword> All { get; } = new[]
    {
        new OptionKeyword("imagety", "pe", "static, dynamic or snapshot",
            (o, v) => TryParseImageType(v, out var type) ? o with { ImageType = type } : null,
            o => o.ImageType?.ToString().ToLowerInvariant()),

        // The UNIX clients' older way to say imagetype=dynamic; "no" is their default and decides nothing.
        new OptionKeyword("dynamici", "mage", "yes or no",
            (o, v) => Is(v, "yes") ? o with { ImageType = ImageType.Dynamic } : Is(v, "no") ? o : null,
            null),
        new OptionKeyword("imageg", "apsize", "0 to 4294967295, with k, m or g or without (KB)",
            (o, v) => Options.GapSize.TryParse(v, out var gap) ? o with { GapSize = gap } : null,
            o => o.GapSize?.ToString()),

        // Not TSM's: its images have no chunks.
        new OptionKeyword("chunks", "ize", Options.ChunkSize.Values,
            (o, v) => Options.ChunkSize.TryParse(v, out var size) ? o with { ChunkSize = size } : null,
            o => o.ChunkSize?.ToString()),

        // TSM's client option says yes or no.
        new OptionKeyword("compressi", "on", "off, fastest, auto, better or max",
            (o, v) => TryParseCompression(v, out var compression) ? o with { Compression = compression } : null,
            o => o.Compression is { } compression ? NameOf(compression) : null),
        new OptionKeyword("snapshotprovideri", "mage", "a provider's name (VSS, WMI, LINUX_LVM, BTRFS, ...) or NONE",
            (o, v) => IsProviderName(v) ? o with { SnapshotProvider = v.ToUpperInvariant() } : null,
            o => o.SnapshotProvider),
        new OptionKeyword("snapshotb", "ackuptype", "copy or full",
            (o, v) => TryParseBackupType(v, out var type) ? o with { SnapshotBackupType = type } : null,
            o => o.SnapshotBackupType?.ToString().ToLowerInvariant()),
        new OptionKeyword("snapshotcaches", "ize", "1 to 100 (percent of the volume)",
            (o, v) => TryInt(v, 100, out var n) && n >= 1 ? o with { SnapshotCacheSizePercent = n } : null,
            o => Text(o.SnapshotCacheSizePercent)),
        new OptionKeyword("snapshotcachel", "ocation", "a directory or volume",
            (o, v) => v.Length > 0 ? o with { SnapshotCacheLocation = v } : null,
            o => o.SnapshotCacheLocation),
        new OptionKeyword("snapshotfsidlew", "ait", "0 to 999, with s or ms or without (seconds)",
            (o, v) => TryParseWait(v, out var wait) ? o with { IdleWait = wait } : null,
            o => o.IdleWait is { } wait ? FormatWait(wait) : null),
        new OptionKeyword("snapshotfsidler", "etries", "0 to 9999",
            (o, v) => TryInt(v, 9999, out var n) ? o with { IdleRetries = n } : null,
            o => Text(o.IdleRetries)),
        new OptionKeyword("presn", "apshotcmd", "a command, or \"\" for none",
            (o, v) => o with { PreSnapshotCommand = v },
            o => o.PreSnapshotCommand),
        new OptionKeyword("postsn", "apshotcmd", "a command, or \"\" for none",
            (o, v) => o with { PostSnapshotCommand = v },
            o => o.PostSnapshotCommand),
        new OptionKeyword("seri", "alization", "static, shrstatic, shrdynamic or dynamic",
            (o, v) => TryParseSerialization(v, out var mode) ? o with { Serialization = mode } : null,
            o => o.Serialization?.ToString().ToLowerInvariant()),
        new OptionKeyword("cha", "ngingretries", "0 to 99",
            (o, v) => TryInt(v, 99, out var n) ? o with { ChangingRetries = n } : null,
            o => Text(o.ChangingRetries)),
    };

    public static bool TryParseImageType(string value, out ImageType type)
    {
        type = default;
        foreach (var each in s_imageTypes)
        {
            if (!Is(value, each.ToString()))
                continue;
            type = each;
            return true;
        }

        return false;
    }

    public static bool TryParseBackupType(string value, out SnapshotBackupType type)
    {
        type = Is(value, "full") ? SnapshotBackupType.Full : SnapshotBackupType.Copy;
        return Is(value, "full") || Is(value, "copy");
    }

    /// <summary>restic's five names; TSM's yes is auto, and its no is off.</summary>
    public static bool TryParseCompression(string value, out ImageCompression compression)
    {
        compression = Is(value, "no") ? ImageCompression.Off : ImageCompression.Auto;
        if (Is(value, "yes") || Is(value, "no"))
            return true;
        foreach (var each in s_compressions)
        {
            if (!Is(value, NameOf(each)))
                continue;
            compression = each;
            return true;
        }

        return false;
    }

    /// <summary>The name as restic and the rule syntax write it.</summary>
    public static string NameOf(ImageCompression compression) => compression.ToString().ToLowerInvariant();

    /// <summary>The four names; in the shortest forms that TSM's copy groups allow: STatic, SHRSTatic, SHRDYnamic, DYnamic.</summary>
    public static bool TryParseSerialization(string value, out SerializationMode mode)
    {
        mode = default;
        foreach (var each in s_serializations)
        {
            var shortestLength = each is SerializationMode.ShrStatic or SerializationMode.ShrDynamic ? 5 : 2;
            if (value.Length < shortestLength || !each.ToString().StartsWith(value, StringComparison.OrdinalIgnoreCase))
                continue;
            mode = each;
            return true;
        }

        return false;
    }

    /// <summary>500ms, 2s, 2; TSM also takes a second value after a comma, which is read and not used.</summary>
    public static bool TryParseWait(string value, out TimeSpan wait)
    {
        wait = default;
        var parts = value.Split(',');
        return parts.Length <= 2 && TryParseOneWait(parts[0], out wait) && (parts.Length == 1 || TryParseOneWait(parts[1], out _));
    }

    public static bool IsProviderName(string value)
    {
        if (value.Length is 0 or > 64)
            return false;
        foreach (var c in value)
        {
            if (c is not ((>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9') or '_' or '-'))
                return false;
        }

        return true;
    }

    private static bool TryParseOneWait(string value, out TimeSpan wait)
    {
        wait = default;
        var unitMilliseconds = 1000;
        var digits = value;
        if (value.EndsWith("ms", StringComparison.OrdinalIgnoreCase))
        {
            unitMilliseconds = 1;
            digits = value.Substring(0, value.Length - 2);
        }
        else if (value.EndsWith("s", StringComparison.OrdinalIgnoreCase))
        {
            digits = value.Substring(0, value.Length - 1);
        }

        if (!TryInt(digits, 999, out var count))
            return false;
        wait = new TimeSpan(0, 0, 0, 0, count * unitMilliseconds);
        return true;
    }

    private static string FormatWait(TimeSpan wait)
    {
        var milliseconds = (long)wait.TotalMilliseconds;
        return milliseconds % 1000 == 0
            ? (milliseconds / 1000).ToString(CultureInfo.InvariantCulture) + "s"
            : milliseconds.ToString(CultureInfo.InvariantCulture) + "ms";
    }

    private static bool TryInt(string value, int maximum, out int number)
    {
        var ok = PolicyNumber.TryParse(value, maximum, out var wide);
        number = ok ? (int)wide : 0;
        return ok;
    }

    private static string? Text(int? number) => number?.ToString(CultureInfo.InvariantCulture);

    private static bool Is(string value, string name) => string.Equals(value, name, StringComparison.OrdinalIgnoreCase);
}
