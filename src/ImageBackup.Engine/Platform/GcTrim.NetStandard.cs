using System;
using System.Threading;

namespace ImageBackup.Engine.Platform;

internal static partial class GcTrim
{
    private static void Collect() => GC.Collect();
}
