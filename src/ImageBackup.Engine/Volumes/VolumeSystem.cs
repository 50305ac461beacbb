using System;

namespace ImageBackup.Engine.Volumes;

/// <summary>Gives the running system's volumes.</summary>
public static class VolumeSystem
{
    public static IVolumeSystem Current => throw new NotImplementedException();
}
