using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace ImageBackup.Engine.VolumeSnapshots.Wmi;

/// <summary>One shadow copy that Windows has.</summary>
/// <param name="Id">"{guid}".</param>
/// <param name="DeviceObject">\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopyN.</param>
internal sealed record ShadowCopy(string Id, string DeviceObject);

/// <summary>Win32_ShadowCopy: made, looked up and deleted.</summary>
internal sealed class ShadowCopies(IWmi wmi)
{
    private const string ClassName = "Win32_ShadowCopy";

    /// <summary>The only context that the method takes: kept until deleted, no writers.</summary>
    private const string Context = "ClientAccessible";

    /// <summary>The return values of Win32_ShadowCopy.Create, by the class's documentation.</summary>
    private static readonly string[] s_meanings =
    [
        "success", "access is denied", "invalid argument", "the volume is not found", "the volume is not supported",
        "the shadow copy context is not supported", "there is no room for the shadow copy", "the volume is in use",
        "the most shadow copies are reached", "another shadow copy is being made", "the provider refused", "the provider is not registered",
        "the provider failed", "unknown error",
    ];

    /// <summary>Another one is being made: worth another try.</summary>
    public const uint InProgress = 9;

    /// <param name="root">The volume's root, with a backslash at the end.</param>
    /// <param name="id">The new one's id, if the code is 0.</param>
    /// <returns>The method's return value.</returns>
    /// <exception cref="WmiException">WMI refused the call.</exception>
    public uint Create(string root, out string id)
    {
        IReadOnlyDictionary<string, object?> result = wmi.Call(ClassName, "Create",
            new Dictionary<string, object> { ["Volume"] = root, ["Context"] = Context }, "ReturnValue", "ShadowID");
        uint code = Convert.ToUInt32(result["ReturnValue"] ?? uint.MaxValue, CultureInfo.InvariantCulture);
        id = result["ShadowID"] as string ?? "";
        if (code == 0 && !Guid.TryParse(id, out _))
            throw new WmiException("it gave no id");
        return code;
    }

    /// <summary>Null if it is not there.</summary>
    /// <exception cref="WmiException">WMI refused the call.</exception>
    public ShadowCopy? Find(string id) => Guid.TryParse(id, out Guid guid)
        ? wmi.Query($"SELECT ID, DeviceObject FROM {ClassName} WHERE ID = '{guid:B}'", "ID", "DeviceObject")
            .Select(found => new ShadowCopy(found["ID"] as string ?? "", found["DeviceObject"] as string ?? ""))
            .FirstOrDefault(found => found.DeviceObject.Length > 0)
        : null;

    /// <summary>One that is gone already is as good as deleted.</summary>
    /// <exception cref="WmiException">It is still there.</exception>
    public void Delete(string id)
    {
        if (!Guid.TryParse(id, out Guid guid))
            return;
        try
        {
            wmi.Delete($"{ClassName}.ID=\"{guid:B}\"");
        }
        catch (WmiException e) when (e.IsNotFound)
        {
            // Somebody else, or Windows for want of room, has deleted it.
        }
    }

    public static string Describe(uint code) => code < s_meanings.Length
        ? s_meanings[code]
        : string.Format(CultureInfo.InvariantCulture, "error {0}", code);
}
