using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Cryptography.Vectorized;

namespace ImageBackup.Engine.Cryptography;

/// <summary>
/// AES-256 in counter mode (NIST SP 800-38A, 6.5, with the whole block as counter: B.1): by <see cref="AesNi"/> if the
/// processor has AES, in one pass over the data; else the platform's AES makes the key stream in parts.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class AesCounterMode : IDisposable
{
    public const int BlockBytes = 16;
    private const int PartBytes = 16 * 1024;

    private readonly AesNi? _rounds;
    private readonly AesBlocks? _platform;
    private readonly byte[] _counters;
    private readonly byte[] _keyStream;

    /// <param name="key">32 bytes.</param>
    /// <param name="byPlatform">The platform's whatever the processor can: for comparing.</param>
    public AesCounterMode(byte[] key, bool byPlatform = false)
    {
        if (AesNi.IsSupported && !byPlatform)
            _rounds = new AesNi(key);
        else
            _platform = new AesBlocks(key);
        _counters = new byte[_platform is null ? BlockBytes : PartBytes];
        _keyStream = new byte[_counters.Length];
    }

    /// <summary>
    /// Encrypts or decrypts, which is the same. <paramref name="target"/> is as long as the source, and is the source or does
    /// not overlap it.
    /// </summary>
    /// <param name="counter">Of the first block; stands at the next one after the last afterwards.</param>
    /// <param name="source">Whole blocks, unless it is the message's end.</param>
    /// <param name="target">Where to.</param>
    public void Apply(ref BlockCounter counter, ReadOnlySpan<byte> source, Span<byte> target)
    {
        int doneBytes = 0;
        if (_rounds is not null)
        {
            doneBytes = _rounds.Apply(ref counter, source, target);
            if (doneBytes == source.Length)
                return;
        }
        for (; doneBytes < source.Length; doneBytes += _keyStream.Length)
        {
            int countBytes = Math.Min(_keyStream.Length, source.Length - doneBytes);
            NextKeyStream(ref counter, (countBytes + BlockBytes - 1) & -BlockBytes);
            Xor(source.Slice(doneBytes, countBytes), _keyStream.AsSpan(0, countBytes), target.Slice(doneBytes, countBytes));
        }
    }

    private void NextKeyStream(ref BlockCounter counter, int countBytes)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(_counters.AsSpan(0, countBytes));
        for (int i = 0; i < words.Length; i += 2)
        {
            words[i] = BinaryPrimitives.ReverseEndianness(counter.High);
            words[i + 1] = BinaryPrimitives.ReverseEndianness(counter.Low);
            counter.Add(1);
        }
        if (_rounds is not null)
            _rounds.EncryptBlock(_counters, _keyStream);
        else
            _platform!.Encrypt(_counters, _keyStream, countBytes);
    }

    private static void Xor(ReadOnlySpan<byte> source, ReadOnlySpan<byte> stream, Span<byte> target)
    {
        int i = 0;
        if (Vector.IsHardwareAccelerated)
        {
            ReadOnlySpan<Vector<byte>> a = MemoryMarshal.Cast<byte, Vector<byte>>(source);
            ReadOnlySpan<Vector<byte>> b = MemoryMarshal.Cast<byte, Vector<byte>>(stream);
            Span<Vector<byte>> c = MemoryMarshal.Cast<byte, Vector<byte>>(target);
            for (int v = 0; v < a.Length; v++)
                c[v] = a[v] ^ b[v];
            i = a.Length * Vector<byte>.Count;
        }
        for (; i < source.Length; i++)
            target[i] = (byte)(source[i] ^ stream[i]);
    }

    public void Dispose()
    {
        Array.Clear(_keyStream, 0, _keyStream.Length);
        _rounds?.Dispose();
        _platform?.Dispose();
    }
}
