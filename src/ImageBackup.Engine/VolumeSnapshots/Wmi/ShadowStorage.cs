using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;

namespace ImageBackup.Engine.VolumeSnapshots.Wmi;

/// <summary>
/// Where Windows keeps the blocks that change while a shadow copy exists, and how much room they may take: one association a
/// volume, which stays as it was set (Win32_ShadowStorage; vssadmin's shadowstorage).
/// </summary>
internal sealed class ShadowStorage(IWmi wmi, TimeSpan timeout)
{
    private const string ClassName = "Win32_ShadowStorage";

    /// <summary>Sets the association of a volume, making it if there is none.</summary>
    /// <param name="volume">The volume that is shadowed.</param>
    /// <param name="place">The volume that takes the room; null: where it is now, else the volume itself.</param>
    /// <param name="percent">Of the shadowed volume's size, 1 to 100.</param>
    /// <returns>What was done, in words.</returns>
    /// <exception cref="ImageBackupException">
    /// ParameterInvalid: the storage lies on another volume, and Windows moves none that is in use. SnapshotFailed.
    /// </exception>
    public string Set(VolumeDescription volume, VolumeDescription? place, int percent)
    {
        if (ShadowedVolume.RootOf(volume) is not { } root || (place is not null && ShadowedVolume.RootOf(place) is null))
            throw new ImageBackupException(ErrorId.ParameterInvalid, "Only mounted Windows volumes have shadow storage.", volume.Name);
        long maxBytes = Math.Max(volume.SizeBytes / 100 * percent, 1);
        try
        {
            return TimeLimitedCall.Run(_ => Set(root, place is null ? null : ShadowedVolume.RootOf(place), maxBytes), timeout, CancellationToken.None);
        }
        catch (Exception e) when (e is WmiException or TimeoutException)
        {
            throw new ImageBackupException(ErrorId.SnapshotFailed, $"The shadow storage of '{volume.Name}' could not be set: {e.Message}.", volume.Name, e);
        }
    }

    private string Set(string root, string? place, long maxBytes)
    {
        // 64-bit numbers travel as text through WMI.
        string room = maxBytes.ToString(CultureInfo.InvariantCulture);
        if (Find(root) is { } known)
        {
            if (place is not null && !IsVolume(known.Place, place))
            {
                throw new ImageBackupException(ErrorId.ParameterInvalid,
                    $"The shadow storage of '{root}' lies on another volume, and Windows moves none: delete it first ('vssadmin delete shadowstorage').", root);
            }
            wmi.Set(known.Path, "MaxSpace", room);
            return $"The shadow storage of {root} may take {room} bytes.";
        }
        string on = place ?? root;
        uint code = Convert.ToUInt32(wmi.Call(ClassName, "Create",
            new Dictionary<string, object> { ["Volume"] = root, ["DiffVolume"] = on, ["MaxSpace"] = room }, "ReturnValue")["ReturnValue"] ?? uint.MaxValue,
            CultureInfo.InvariantCulture);
        return code == 0
            ? $"The shadow storage of {root} lies on {on} and may take {room} bytes."
            : throw new WmiException(string.Format(CultureInfo.InvariantCulture, "Win32_ShadowStorage.Create gave error {0}", code));
    }

    private (string Path, string Place)? Find(string root) => wmi.Query("SELECT * FROM " + ClassName, "__PATH", "Volume", "DiffVolume")
        .Where(row => row["Volume"] is string volume && IsVolume(volume, root) && row["__PATH"] is string)
        .Select(row => ((string Path, string Place)?)((string)row["__PATH"]!, row["DiffVolume"] as string ?? ""))
        .FirstOrDefault();

    /// <summary>A reference reads Win32_Volume.DeviceID="\\\\?\\Volume{guid}\\", with its backslashes doubled.</summary>
    private static bool IsVolume(string reference, string root) =>
        reference.Replace(@"\\", @"\").IndexOf($"\"{root}\"", StringComparison.OrdinalIgnoreCase) >= 0;
}
