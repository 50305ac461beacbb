namespace ImageBackup.Engine.Compat;

/// <summary>Bit counting, by the processor if the framework offers it.</summary>
internal static class BitScan
{
    public static int TrailingZeroCount(ulong value) => System.Numerics.BitOperations.TrailingZeroCount(value);

    public static int PopCount(ulong value) => System.Numerics.BitOperations.PopCount(value);
}
