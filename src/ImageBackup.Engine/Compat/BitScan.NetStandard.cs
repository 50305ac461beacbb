namespace ImageBackup.Engine.Compat;

/// <summary>Bit counting, by the processor if the framework offers it.</summary>
internal static class BitScan
{
    /// <summary>64 for 0, as the processor's instruction gives.</summary>
    public static int TrailingZeroCount(ulong value) => value == 0 ? 64 : PopCount((value & (ulong)-(long)value) - 1);

    public static int PopCount(ulong value)
    {
        value -= (value >> 1) & 0x5555555555555555UL;
        value = (value & 0x3333333333333333UL) + ((value >> 2) & 0x3333333333333333UL);
        value = (value + (value >> 4)) & 0x0F0F0F0F0F0F0F0FUL;
        return (int)(unchecked(value * 0x0101010101010101UL) >> 56);
    }
}
