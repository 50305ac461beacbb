using System;
using System.Management.Automation;
using System.Runtime.InteropServices;
using System.Threading;
using ImageBackup.Completion;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Commands;

/// <summary>What Windows itself keeps: the event source, and where the blocks of shadow copies go.</summary>
public sealed partial class SetSnapshotProviderCommand
{
    /// <summary>
    /// Windows: volumes whose shadow storage is set now to the cache size and place (vssadmin's shadowstorage). It is of the volume,
    /// and stays so for every program that makes shadow copies of it.
    /// </summary>
    [Parameter]
    [ArgumentCompleter(typeof(VolumeCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Volume { get; set; }

    private void SetUpWindows(SnapshotDefaults defaults)
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
        {
            if (Volume is not null)
                WriteWarning("Only Windows has shadow storage; -Volume does nothing here.");
            return;
        }
        if (WindowsEventSource.Register() is { } whyNot)
            WriteVerbose($"The event source {WindowsEventSource.Name} is not registered: {whyNot}. Events are written nevertheless.");
        var volumes = new VolumeInventory(VolumeSystem.Current);
        foreach (string name in Volume ?? Array.Empty<string>())
        {
            VolumeDescription volume = volumes.Resolve(name, CancellationToken.None).Description;
            VolumeDescription? place = defaults.CacheLocation is { } location ? volumes.Resolve(location, CancellationToken.None).Description : null;
            WriteVerbose(ShadowStorageSetting.Set(volume, place, defaults.CacheSizePercent));
        }
    }
}
