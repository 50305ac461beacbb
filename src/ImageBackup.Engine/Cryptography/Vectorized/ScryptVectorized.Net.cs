using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
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
    private const int WordCount = 16;
    private const int RowCount = 4;
    private const int BlockBytes = 64;
    private const int DoubleRoundCount = 4;

    private const int HugePageBytes = 2 << 20;
    private const int AdviseHugePages = 14;

    /// <summary>A thousand blocks of the largest size take some twenty milliseconds.</summary>
    private const int AskMask = 1023;

    public static bool IsSupported => Vector128.IsHardwareAccelerated && BitConverter.IsLittleEndian;

    /// <summary>What scrypt begins and ends with (RFC 7914, section 6): PBKDF2-HMAC-SHA256 of one iteration.</summary>
    public static byte[] Expand(byte[] password, byte[] salt, int countBytes) =>
        Rfc2898DeriveBytes.Pbkdf2(password, salt, 1, HashAlgorithmName.SHA256, countBytes);

    /// <summary>
    /// Mixes one block in place, with 128 * <paramref name="r"/> * <paramref name="n"/> bytes of memory, which are zeroed before
    /// they are given back.
    /// </summary>
    /// <param name="block">128 * <paramref name="r"/> bytes.</param>
    /// <param name="n">A power of two, 2 or more.</param>
    /// <param name="r">The block size, 1 or more.</param>
    /// <param name="cancellation">Asked after every thousandth block of the table.</param>
    /// <exception cref="OutOfMemoryException">There is not so much memory.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the block is as it was.</exception>
    public static void Mix(Span<byte> block, int n, int r, CancellationToken cancellation = default)
    {
        if (n < 2 || (n & (n - 1)) != 0)
            throw new ArgumentOutOfRangeException(nameof(n));
        if (r < 1 || block.Length != 128L * r)
            throw new ArgumentOutOfRangeException(nameof(r));
        Span<uint> words = MemoryMarshal.Cast<byte, uint>(block);
        // The n blocks of the table; then two that are worked on, and one of zeros.
        long memoryBytes = checked((n + 3L) * block.Length);
        void* memory = Allocate((nuint)memoryBytes);
        try
        {
            var table = (Vector128<uint>*)memory;
            long rowCount = block.Length / sizeof(Vector128<uint>);
            Vector128<uint>* work = table + n * rowCount;
            new Span<byte>(work + 2 * rowCount, block.Length).Clear();
            var place = new Span<uint>(work, words.Length);
            for (int i = 0; i < words.Length; i++)
                place[i] = words[Diagonal(i)];
            Mix(table, work, n, r, cancellation);
            for (int i = 0; i < words.Length; i++)
                words[Diagonal(i)] = place[i];
        }
        finally
        {
            NativeMemory.Clear(memory, (nuint)memoryBytes);
            NativeMemory.AlignedFree(memory);
        }
    }

    /// <summary>
    /// A table of restic's usual cost is 8,192 pages, and the kernel is entered for each when it is first written: a fourth of the time that
    /// a key takes. Of huge pages it has 16, whose places the processor finds faster, too. It is advice: a kernel that has none gives others.
    /// </summary>
    private static void* Allocate(nuint countBytes)
    {
        if (!OperatingSystem.IsLinux() || countBytes < 2 * HugePageBytes)
            return NativeMemory.AlignedAlloc(countBytes, BlockBytes);
        void* memory = NativeMemory.AlignedAlloc(countBytes, HugePageBytes);
        _ = madvise(memory, countBytes, AdviseHugePages);
        return memory;
    }

    [DllImport("libc")]
    private static extern int madvise(void* memory, nuint countBytes, int advice);

    /// <summary>Where the word comes from that lies in place <paramref name="index"/>: a block's diagonals lie in rows.</summary>
    private static int Diagonal(int index) => index & -WordCount | index * 5 & (WordCount - 1);

    /// <param name="table"><paramref name="n"/> blocks.</param>
    /// <param name="work">The block to be mixed, one of room, one of zeros.</param>
    private static void Mix(Vector128<uint>* table, Vector128<uint>* work, int n, int r, CancellationToken cancellation)
    {
        long rowCount = 2L * r * RowCount;
        Vector128<uint>* other = work + rowCount, zeros = other + rowCount;
        Buffer.MemoryCopy(work, table, rowCount * sizeof(Vector128<uint>), rowCount * sizeof(Vector128<uint>));
        for (int i = 1; i < n; i++)
        {
            if ((i & AskMask) == 0)
                cancellation.ThrowIfCancellationRequested();
            MixBlock(table + (i - 1) * rowCount, zeros, table + i * rowCount, r);
        }
        MixBlock(table + (n - 1) * rowCount, zeros, work, r);
        for (int i = 0; i < n; i += 2)
        {
            if ((i & AskMask) == 0)
                cancellation.ThrowIfCancellationRequested();
            MixBlock(work, table + Choice(work, n, r) * rowCount, other, r);
            MixBlock(other, table + Choice(other, n, r) * rowCount, work, r);
        }
    }

    /// <summary>Integerify: n is below 2^32, so the first word of the last 64 bytes tells; that lies where it came from.</summary>
    private static long Choice(Vector128<uint>* block, int n, int r) => block[(2 * r - 1) * RowCount].ToScalar() & (uint)(n - 1);

    /// <summary>scryptBlockMix of the sum of two blocks; the target is neither of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MixBlock(Vector128<uint>* source, Vector128<uint>* added, Vector128<uint>* target, int r)
    {
        Vector128<uint>* last = source + (2 * r - 1) * RowCount, lastAdded = added + (2 * r - 1) * RowCount;
        Vector128<uint> a = last[0] ^ lastAdded[0], b = last[1] ^ lastAdded[1], c = last[2] ^ lastAdded[2], d = last[3] ^ lastAdded[3];
        for (int i = 0; i < 2 * r; i++)
        {
            a ^= source[0] ^ added[0];
            b ^= source[1] ^ added[1];
            c ^= source[2] ^ added[2];
            d ^= source[3] ^ added[3];
            Vector128<uint> a0 = a, b0 = b, c0 = c, d0 = d;
            for (int round = 0; round < DoubleRoundCount; round++)
            {
                b ^= RotateLeft(a + d, 7);
                c ^= RotateLeft(b + a, 9);
                d ^= RotateLeft(c + b, 13);
                a ^= RotateLeft(d + c, 18);
                b = Vector128.Shuffle(b, Vector128.Create(3u, 0, 1, 2));
                c = Vector128.Shuffle(c, Vector128.Create(2u, 3, 0, 1));
                d = Vector128.Shuffle(d, Vector128.Create(1u, 2, 3, 0));
                d ^= RotateLeft(a + b, 7);
                c ^= RotateLeft(d + a, 9);
                b ^= RotateLeft(c + d, 13);
                a ^= RotateLeft(b + c, 18);
                b = Vector128.Shuffle(b, Vector128.Create(1u, 2, 3, 0));
                c = Vector128.Shuffle(c, Vector128.Create(2u, 3, 0, 1));
                d = Vector128.Shuffle(d, Vector128.Create(3u, 0, 1, 2));
            }
            a += a0;
            b += b0;
            c += c0;
            d += d0;
            // Even 64 bytes go to the first half, odd ones to the second.
            Vector128<uint>* to = target + ((i >> 1) + (i & 1) * r) * RowCount;
            to[0] = a;
            to[1] = b;
            to[2] = c;
            to[3] = d;
            source += RowCount;
            added += RowCount;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> RotateLeft(Vector128<uint> value, [ConstantExpected] byte bitCount) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateLeft(value, bitCount) : (value << bitCount) | (value >>> (32 - bitCount));
}
