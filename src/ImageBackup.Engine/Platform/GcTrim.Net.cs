using System;

namespace ImageBackup.Engine.Platform;

internal static partial class GcTrim
{
    private static void Collect() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
}
