using System;

namespace ImageBackup.Engine.Cryptography.Vectorized;

/// <summary>
/// SHA-256 (FIPS 180-4) of eight messages of one length side by side, if the processor has AVX-512's rotations and
/// three-way logic: word i of every message in one vector. Over half as fast again as the processor's own SHA instructions,
/// which wait for each other's results. Sixteen lanes would be faster by a fifth, on messages that are in the nearest cache;
/// sixteen chunks are in none.
/// </summary>
internal static unsafe partial class Sha256MultiBuffer
{
    public const int LaneCount = 8;

    /// <summary>From so many messages on it is faster than one after the other.</summary>
    public const int WorthFromCount = 5;
}
