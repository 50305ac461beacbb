using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.VolumeSnapshots.Lvm;

/// <summary>A logical volume as lvs reports it; sizes in bytes.</summary>
internal sealed record LogicalVolume
{
    public required string Group { get; init; }
    public required string Name { get; init; }
    public required string Attributes { get; init; }
    public required long SizeBytes { get; init; }
    public required string Origin { get; init; }
    public required IReadOnlyList<string> Tags { get; init; }
    public required long GroupFreeBytes { get; init; }
    public required long ExtentBytes { get; init; }

    public string FullName => $"{Group}/{Name}";

    /// <summary>The first attribute: V a thin volume; s and S a snapshot of the classic kind (S: it has overflowed).</summary>
    public bool IsThin => Attributes.StartsWith("V", StringComparison.Ordinal);
    public bool IsClassicSnapshot => Attributes.Length > 0 && Attributes[0] is 's' or 'S';
}

/// <summary>LVM's programs, called by argument lists. Fields: lvmreport(7), lvs(8).</summary>
internal sealed class LvmTools
{
    /// <summary>What marks a logical volume as ours.</summary>
    public const string Tag = "imagebackup";
    private const string Fields = "vg_name,lv_name,lv_attr,lv_size,origin,lv_tags,vg_free,vg_extent_size";
    private const int MaxReportBytes = 1 << 20;

    private static readonly Dictionary<string, string> s_environment = new()
    {
        ["LC_ALL"] = "C",
        // The process has other files open; LVM would complain of each.
        ["LVM_SUPPRESS_FD_WARNINGS"] = "1",
    };

    private readonly string _lvs;
    private readonly string _lvcreate;
    private readonly string _lvremove;
    private readonly string _dmsetup;

    private LvmTools(string lvs, string lvcreate, string lvremove, string dmsetup) =>
        (_lvs, _lvcreate, _lvremove, _dmsetup) = (lvs, lvcreate, lvremove, dmsetup);

    /// <summary>Null if one is not installed; then <paramref name="missing"/> names it.</summary>
    public static LvmTools? Find(out string? missing)
    {
        string[] names = ["lvs", "lvcreate", "lvremove", "dmsetup"];
        string?[] paths = [.. names.Select(ProcessRunner.Find)];
        int at = Array.IndexOf(paths, null);
        missing = at < 0 ? null : names[at];
        return at < 0 ? new LvmTools(paths[0]!, paths[1]!, paths[2]!, paths[3]!) : null;
    }

    /// <summary>One volume, by its device's path or as group/name; null if LVM knows none of that name.</summary>
    /// <param name="fault">What lvs said if there is none.</param>
    public LogicalVolume? Report(string name, TimeSpan timeout, out string fault)
    {
        ProgramResult result = Run(_lvs, timeout, "--reportformat", "json", "--units", "b", "--nosuffix", "-o", Fields, "--", name);
        fault = result.IsGood ? "" : result.Fault;
        return result.IsGood ? Parse(result.Output) : null;
    }

    /// <summary>Whether lvs failed because there is no such volume, and not because it could not look.</summary>
    public static bool IsGone(string fault) =>
        fault.IndexOf("Failed to find logical volume", StringComparison.Ordinal) >= 0
        || (fault.IndexOf("Volume group", StringComparison.Ordinal) >= 0 && fault.IndexOf("not found", StringComparison.Ordinal) >= 0);

    public ProgramResult Create(IReadOnlyList<string> arguments, TimeSpan timeout) => Run(_lvcreate, timeout, [.. arguments]);

    public ProgramResult Remove(string fullName, TimeSpan timeout) => Run(_lvremove, timeout, "-f", "-y", "--", fullName);

    /// <summary>dmsetup's status line of a mapped device.</summary>
    public ProgramResult Status(string devicePath, TimeSpan timeout) => Run(_dmsetup, timeout, "status", "--", devicePath);

    /// <summary>The first volume of lvs's JSON; null if it is not of that form.</summary>
    internal static LogicalVolume? Parse(string json)
    {
        if (json.Length > MaxReportBytes)
            return null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16 });
            JsonElement row = document.RootElement.GetProperty("report")[0].GetProperty("lv")[0];
            return new LogicalVolume
            {
                Group = Text("vg_name"),
                Name = Text("lv_name"),
                Attributes = Text("lv_attr"),
                SizeBytes = Number("lv_size"),
                Origin = Text("origin"),
                Tags = Text("lv_tags").Split([','], StringSplitOptions.RemoveEmptyEntries),
                GroupFreeBytes = Number("vg_free"),
                ExtentBytes = Number("vg_extent_size"),
            };

            string Text(string name) => row.GetProperty(name).GetString() ?? "";
            long Number(string name) => long.Parse(Text(name), NumberStyles.None, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or OverflowException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    /// <summary>
    /// Not cancelled: a program of LVM's that is ended half-way leaves devices suspended. Its time limit is for the case that
    /// nothing else helps.
    /// </summary>
    private static ProgramResult Run(string path, TimeSpan timeout, params string[] arguments) =>
        ProcessRunner.Start(path, arguments, timeout, CancellationToken.None, s_environment);
}
