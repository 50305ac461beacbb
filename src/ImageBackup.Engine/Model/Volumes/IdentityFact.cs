using System;

namespace ImageBackup;

/// <summary>One thing that travels with a volume, whatever the system calls the volume.</summary>
public sealed record IdentityFact(IdentityFactKind Kind, string Value)
{
    public IdentityScope Scope => Kind == IdentityFactKind.FileSystem ? IdentityScope.Content : IdentityScope.Place;

    /// <summary>A place that no emulated slot can fake.</summary>
    internal bool IsStrongPlace => Kind is not (IdentityFactKind.FileSystem or IdentityFactKind.Hardware);

    public override string ToString() => Kind switch
    {
        IdentityFactKind.GptPartition => $"GPT partition {Value.TrimStart('/')}",
        IdentityFactKind.MbrPartition => $"MBR partition {Value}",
        IdentityFactKind.LogicalVolume => $"logical volume {Value}",
        IdentityFactKind.DeviceMapper => $"device {Value}",
        IdentityFactKind.RaidArray => $"RAID {Value}",
        IdentityFactKind.File => $"file {Value}",
        IdentityFactKind.WindowsVolume => $"volume GUID {Value}",
        IdentityFactKind.GptDisk => $"GPT disk {Value}",
        IdentityFactKind.MbrDisk => $"MBR disk {Value}",
        IdentityFactKind.FileSystem => $"file system {Value}",
        _ => $"disk {Value}",
    };

    /// <summary>The kind as image.json and the stable name have it: gptPartition.</summary>
    internal static string NameOf(IdentityFactKind kind)
    {
        string name = kind.ToString();
        return char.ToLowerInvariant(name[0]) + name.Substring(1);
    }

    /// <summary>Null: a kind of a later version.</summary>
    internal static IdentityFactKind? KindOf(string name) =>
        Enum.TryParse(name, ignoreCase: true, out IdentityFactKind kind) && NameOf(kind) == name ? kind : null;
}
