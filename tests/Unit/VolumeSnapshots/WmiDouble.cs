using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.VolumeSnapshots.Wmi;

namespace ImageBackup.Tests.Unit.VolumeSnapshots;

/// <summary>Win32_ShadowCopy and Win32_ShadowStorage of a machine, in memory; a call may be told to fail.</summary>
internal sealed class WmiDouble : IWmi
{
    public const string Device = @"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy3";

    public List<string> Calls { get; } = [];
    public List<string> Copies { get; } = [];

    /// <summary>Volume, place, most bytes.</summary>
    public List<(string Volume, string Place, string MaxSpace)> Storage { get; } = [];
    public Action<string>? OnCall { get; set; }
    public uint CreateCode { get; set; }
    public string? WhyNot { get; set; }

    public string? WhyNotUsable() => WhyNot;

    public IReadOnlyList<IReadOnlyDictionary<string, object?>> Query(string query, params string[] properties)
    {
        Called("Query");
        return query.Contains("Win32_ShadowStorage", StringComparison.Ordinal)
            ? [.. Storage.Select((row, i) => Row(("__PATH", "storage" + i), ("Volume", Reference(row.Volume)), ("DiffVolume", Reference(row.Place))))]
            : [.. Copies.Where(id => query.Contains($"'{id}'", StringComparison.Ordinal)).Select(id => Row(("ID", id), ("DeviceObject", Device)))];
    }

    public IReadOnlyDictionary<string, object?> Call(string className, string method, IReadOnlyDictionary<string, object> arguments, params string[] results)
    {
        Called(className + "." + method);
        if (CreateCode != 0)
            return Row(("ReturnValue", (int)CreateCode), ("ShadowID", null));
        if (className == "Win32_ShadowStorage")
        {
            Storage.Add(((string)arguments["Volume"], (string)arguments["DiffVolume"], (string)arguments["MaxSpace"]));
            return Row(("ReturnValue", 0));
        }
        string id = Guid.NewGuid().ToString("B");
        Copies.Add(id);
        return Row(("ReturnValue", 0), ("ShadowID", id));
    }

    public void Set(string path, string property, object value)
    {
        Called("Set " + property);
        int i = int.Parse(path["storage".Length..], System.Globalization.CultureInfo.InvariantCulture);
        Storage[i] = Storage[i] with { MaxSpace = (string)value };
    }

    public void Delete(string path)
    {
        Called("Delete");
        if (Copies.RemoveAll(id => path == $"Win32_ShadowCopy.ID=\"{id}\"") == 0)
            throw new WmiException("not found") { IsNotFound = true };
    }

    private void Called(string name)
    {
        lock (Calls)
            Calls.Add(name);
        OnCall?.Invoke(name);
    }

    private static string Reference(string root) => $"Win32_Volume.DeviceID=\"{root.Replace(@"\", @"\\", StringComparison.Ordinal)}\"";

    private static Dictionary<string, object?> Row(params (string Name, object? Value)[] values) =>
        values.ToDictionary(value => value.Name, value => value.Value, StringComparer.OrdinalIgnoreCase);
}
