using System;
using System.Threading;

namespace ImageBackup.Engine.Cryptography.Vectorized;

/// <summary>
/// scryptROMix (RFC 7914, section 5) if the processor has vectors: the four rows of a Salsa20 block lie in four of them,
/// its diagonals as columns, so that nothing but the rows' own rotations is moved between two rounds. Half the time of
/// BouncyCastle's, and little to compile before the first use, which is the only one that most processes have. Elsewhere
/// <see cref="IsSupported"/> is false. Which memory it reads depends on the password, as scrypt's design has it.
/// </summary>
internal static unsafe class ScryptVectorized
{
    public static bool IsSupported => false;

    public static byte[] Expand(byte[] password, byte[] salt, int countBytes) => throw new PlatformNotSupportedException($"{password.Length} {salt.Length} {countBytes}");

    public static void Mix(Span<byte> block, int n, int r, CancellationToken cancellation = default) => throw new PlatformNotSupportedException($"{block.Length} {n} {r} {cancellation.CanBeCanceled}");
}
