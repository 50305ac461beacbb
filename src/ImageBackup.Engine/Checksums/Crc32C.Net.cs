using System;

namespace ImageBackup.Engine.Checksums;

internal static partial class Crc32C
{
    private static uint Step(uint register, ulong value) => System.Numerics.BitOperations.Crc32C(register, value);

    private static uint Step(uint register, byte value) => System.Numerics.BitOperations.Crc32C(register, value);
}
