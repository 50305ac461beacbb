using System;
using System.IO;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Cryptography;

namespace ImageBackup.Engine.Repository.Sealing;

/// <summary>
/// Seals what is written to it part by part, as <see cref="Sealer.Seal"/> does it whole, and proves each part as <see cref="Sealer.Proves(ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>
/// does: for what is too long to be in memory. Nobody else may use the sealer meanwhile.
/// </summary>
/// <param name="sealer">The cipher.</param>
/// <param name="onSealed">Gets the sealed bytes, part by part; the array is the stream's own.</param>
internal sealed class SealingStream(Sealer sealer, Action<ArraySegment<byte>> onSealed) : WriteOnlyStream
{
    private readonly byte[] _plain = new byte[Sealer.PartBytes];
    private readonly byte[] _sealed = new byte[Sealer.PartBytes];
    private readonly byte[] _s = new byte[Poly1305.TagSizeBytes];

    // The tag is made twice, once beside the encryption and once of what was handed over: both must be the same.
    private readonly ulong[] _accumulator = new ulong[3];
    private readonly ulong[] _proof = new ulong[3];
    private BlockCounter _counter;
    private int _plainBytes;
    private bool _isBegun;
    private bool _isProven = true;

    public override void Write(byte[] buffer, int offset, int count)
    {
        while (count > 0)
        {
            if (_plainBytes == _plain.Length)
                SealPart();
            int partBytes = Math.Min(count, _plain.Length - _plainBytes);
            Array.Copy(buffer, offset, _plain, _plainBytes, partBytes);
            _plainBytes += partBytes;
            offset += partBytes;
            count -= partBytes;
        }
    }

    /// <summary>Hands over the end with the tag. False if what was handed over does not open to what was written.</summary>
    public bool End()
    {
        int restBytes = _plainBytes % AesCounterMode.BlockBytes, restAt = _plainBytes - restBytes;
        SealPart();
        Span<byte> tag = stackalloc byte[Poly1305.TagSizeBytes], proof = stackalloc byte[Poly1305.TagSizeBytes];
        sealer.Finish(_sealed.AsSpan(restAt, restBytes), _accumulator, _s, tag);
        sealer.Finish(_sealed.AsSpan(restAt, restBytes), _proof, _s, proof);
        tag.CopyTo(_sealed);
        onSealed(new ArraySegment<byte>(_sealed, 0, Poly1305.TagSizeBytes));
        return _isProven && tag.SequenceEqual(proof);
    }

    private void SealPart()
    {
        if (!_isBegun)
        {
            _isBegun = true;
            _counter = sealer.Begin(_sealed.AsSpan(0, Sealer.IvSizeBytes), _s);
            onSealed(new ArraySegment<byte>(_sealed, 0, Sealer.IvSizeBytes));
        }
        Span<byte> ciphertext = _sealed.AsSpan(0, _plainBytes);
        _isProven &= sealer.SealPart(ref _counter, _accumulator, _plain.AsSpan(0, _plainBytes), ciphertext);
        onSealed(new ArraySegment<byte>(_sealed, 0, _plainBytes));
        sealer.Absorb(ciphertext.Slice(0, _plainBytes & ~(AesCounterMode.BlockBytes - 1)), _proof);
        _plainBytes = 0;
    }

    protected override void Dispose(bool disposing)
    {
        Array.Clear(_plain, 0, _plain.Length);
        base.Dispose(disposing);
    }
}
