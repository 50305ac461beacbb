using System;

namespace ImageBackup.Engine.Volumes.Windows.Naming;

/// <summary>What a name given by a user says.</summary>
internal enum WindowsNameKind
{
    /// <summary>A drive letter; the value is "D:".</summary>
    Letter,

    /// <summary>A volume by its GUID; the value is "\\?\Volume{guid}\" in lower case, with the backslash.</summary>
    VolumeGuid,

    /// <summary>A device of another kind, such as a shadow copy; the value is its path without a backslash at the end.</summary>
    Device,

    /// <summary>A file or a mount folder; the value is as it was given.</summary>
    Path,
}

/// <summary>Sorts the names of Windows volumes; nothing is asked of the system.</summary>
internal readonly record struct WindowsVolumeName(WindowsNameKind Kind, string Value)
{
    private const string VolumePrefix = "Volume{";
    private const int GuidLength = 36;

    /// <summary>Null for what can name nothing: the empty string, or one with a 0 in it.</summary>
    public static WindowsVolumeName? Parse(string name)
    {
        if (string.IsNullOrWhiteSpace(name) || name.IndexOf('\0') >= 0)
            return null;
        if (DevicePart(name) is not { } device)
            return Letter(name) ?? new WindowsVolumeName(WindowsNameKind.Path, name);
        string trimmed = device.TrimEnd('\\', '/');
        // \\?\C:\folder and \\?\UNC\server\share are paths; \\?\C: and \\?\C:\ are the volume.
        if (Letter(device) is { } letter)
            return letter;
        if (VolumeGuid(trimmed) is { } guid)
            return guid;
        bool isPath = (device.Length > 2 && device[1] == ':') || device.StartsWith(@"UNC\", StringComparison.OrdinalIgnoreCase)
            || device.StartsWith(VolumePrefix, StringComparison.OrdinalIgnoreCase);
        return isPath || trimmed.Length == 0
            ? new WindowsVolumeName(WindowsNameKind.Path, name)
            : new WindowsVolumeName(WindowsNameKind.Device, name.Substring(0, 4 + trimmed.Length));
    }

    /// <summary>The letter's device, as CreateFile opens the volume and not its root directory.</summary>
    public static string LetterDevice(string letterAndColon) => @"\\.\" + letterAndColon;

    /// <summary>"D:" of "D:\"; null for anything longer.</summary>
    public static string? LetterOf(string mountPoint) => Letter(mountPoint)?.Value;

    /// <summary>What follows \\?\ or \\.\; null if the name begins otherwise.</summary>
    private static string? DevicePart(string name) =>
        name.StartsWith(@"\\?\", StringComparison.Ordinal) || name.StartsWith(@"\\.\", StringComparison.Ordinal)
            || name.StartsWith(@"\??\", StringComparison.Ordinal)
            ? name.Substring(4)
            : null;

    private static WindowsVolumeName? Letter(string text)
    {
        bool isLetter = text.Length switch
        {
            1 => true,
            2 => text[1] == ':',
            3 => text[1] == ':' && text[2] is '\\' or '/',
            _ => false,
        };
        return isLetter && text[0] is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z')
            ? new WindowsVolumeName(WindowsNameKind.Letter, char.ToUpperInvariant(text[0]) + ":")
            : null;
    }

    private static WindowsVolumeName? VolumeGuid(string text) =>
        text.Length == VolumePrefix.Length + GuidLength + 1
        && text.StartsWith(VolumePrefix, StringComparison.OrdinalIgnoreCase)
        && text[text.Length - 1] == '}'
        && Guid.TryParseExact(text.Substring(VolumePrefix.Length, GuidLength), "D", out Guid guid)
            ? new WindowsVolumeName(WindowsNameKind.VolumeGuid, $@"\\?\Volume{{{guid:D}}}\")
            : null;
}
