namespace ImageBackup.Engine.Cryptography;

/// <summary>What deriving a key by scrypt costs (RFC 7914, section 2).</summary>
/// <param name="N">The cost: a power of two, 2 or more.</param>
/// <param name="R">The size of a block: 128 * R bytes; deriving takes 128 * R * N bytes of memory.</param>
/// <param name="P">How many blocks.</param>
internal readonly record struct ScryptCost(int N, int R, int P);
