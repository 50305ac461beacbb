using System;
using System.Buffers;
using System.IO;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Repository.Compression;
using ImageBackup.Engine.Repository.Sealing;

namespace ImageBackup.Engine.Repository.Files;

/// <summary>
/// The JSON of a file that is written part by part while it becomes known: compressed as it comes, so that no more of it is in memory than will
/// lie in the file, in arrays that are used again for the next one. One thread at a time.
/// </summary>
internal sealed class SealedText : WriteOnlyStream
{
    private readonly Zstd? _zstd;
    private readonly GrowingBytes _content = new();
    private Stream? _compression;
    private bool _isEnded;

    /// <param name="formatVersion">The repository's: from 2 on its files are compressed.</param>
    public SealedText(int formatVersion) => _zstd = formatVersion >= 2 ? new Zstd() : null;

    public override void Write(byte[] buffer, int offset, int count)
    {
        if (_isEnded)
            throw new InvalidOperationException("The text has ended.");
        if (_zstd is not null && _compression is null)
        {
            _content.Write([RepositoryFormat.CompressedEncoding], 0, 1);
            _compression = _zstd.OpenCompression(_content);
        }
        (_compression ?? _content).Write(buffer, offset, count);
    }

    /// <summary>Ends the text, and seals it into an array that is good until the next call; as often as somebody asks.</summary>
    internal ArraySegment<byte> Seal(SealerPool sealers)
    {
        _isEnded = true;
        _compression?.Dispose();
        _compression = null;
        return _content.Seal(sealers);
    }

    /// <summary>Begins the next text.</summary>
    public void Clear()
    {
        _compression?.Dispose();
        _compression = null;
        _content.Clear();
        _isEnded = false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Clear();
            _content.Dispose();
            _zstd?.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>Bytes in an array that grows.</summary>
    private sealed class GrowingBytes : WriteOnlyStream
    {
        private byte[] _bytes = Array.Empty<byte>();
        private byte[] _sealed = Array.Empty<byte>();
        private int _countBytes;

        public override void Write(byte[] buffer, int offset, int count)
        {
            int neededBytes = checked(_countBytes + count);
            if (neededBytes > _bytes.Length)
            {
                byte[] grown = ArrayPool<byte>.Shared.Rent(Math.Max(neededBytes, checked(2 * _bytes.Length)));
                Array.Copy(_bytes, grown, _countBytes);
                Return(ref _bytes);
                _bytes = grown;
            }
            Array.Copy(buffer, offset, _bytes, _countBytes, count);
            _countBytes = neededBytes;
        }

        public ArraySegment<byte> Seal(SealerPool sealers)
        {
            int sealedBytes = _countBytes + Sealer.OverheadBytes;
            if (_sealed.Length < sealedBytes)
            {
                Return(ref _sealed);
                _sealed = ArrayPool<byte>.Shared.Rent(sealedBytes);
            }
            Sealer sealer = sealers.Rent();
            try
            {
                sealer.Seal(_bytes.AsSpan(0, _countBytes), _sealed.AsSpan(0, sealedBytes));
            }
            finally
            {
                sealers.Return(sealer);
            }
            return new ArraySegment<byte>(_sealed, 0, sealedBytes);
        }

        public void Clear() => _countBytes = 0;

        protected override void Dispose(bool disposing)
        {
            Return(ref _bytes);
            Return(ref _sealed);
            base.Dispose(disposing);
        }

        private static void Return(ref byte[] array)
        {
            if (array.Length > 0)
                ArrayPool<byte>.Shared.Return(array);
            array = Array.Empty<byte>();
        }
    }
}
