using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Swap;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>A swap area with a hibernated system in it is that system's until it wakes up.</summary>
internal static class SwapUsage
{
    public static UsageSign? Read(IBlockReader volume, UsageContext context) => new SwapReader().Probe(volume) is { Type: "swsuspend" }
        ? new UsageSign { Type = "swsuspend", Trace = "hibernated", Elsewhere = "a hibernated system is in it, which needs it to wake up" }
        : null;
}
