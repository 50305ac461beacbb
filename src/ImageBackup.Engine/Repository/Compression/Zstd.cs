using System;
using System.Buffers.Binary;
using System.IO;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace ImageBackup.Engine.Repository.Compression;

/// <summary>
/// Zstandard frames: by the C library if it can be loaded, else through ZstdSharp, its translation to C#. Not thread-safe:
/// one a thread.
/// </summary>
internal sealed class Zstd : IDisposable
{
    /// <summary>The level of Auto, and of everything that is not data: the fastest of zstd's positive levels.</summary>
    public const int DefaultLevel = 1;

    /// <summary>A window of a whole chunk, if the level has half of one: a little less to store, in the same time.</summary>
    private const int WindowLog = 20;

    /// <summary>Matches from six bytes on, if the level takes those of seven: a fiftieth less to store, for as much of the time.</summary>
    private const int MinimumMatchBytes = 6;

    /// <summary>A window of the longest chunk, 4 MiB; the library makes it smaller if the chunk is.</summary>
    private const int LongWindowLog = 22;

    /// <summary>
    /// A table of places twice as large as the fastest level's: a fiftieth less to store than with that one, in chunks of 256 KiB as much as in
    /// chunks of 1 MiB before, for a twenty-fifth of the time.
    /// </summary>
    private const int HashLog = 15;

    /// <summary>The longest block of a frame.</summary>
    private const int BlockBytes = 128 << 10;

    /// <summary>What zstd takes for a parameter that is the level's own.</summary>
    internal const int LevelsOwn = 0;

    private readonly NativeZstd? _native;
    private readonly Compressor? _compressor;
    private readonly Decompressor? _decompressor;

    public Zstd(ImageCompression compression = ImageCompression.Auto)
        : this(NativeZstd.IsSupported, compression)
    {
    }

    /// <param name="isNative">By the C library, which must be there; else by its translation.</param>
    /// <param name="compression">How much time it may take; Off compresses as Auto does what is compressed always.</param>
    public Zstd(bool isNative, ImageCompression compression = ImageCompression.Auto)
    {
        (int level, int windowLog, int minimumMatchBytes, int hashLog) = Parameters(compression);
        if (isNative)
        {
            _native = new NativeZstd(level, windowLog, minimumMatchBytes, hashLog);
        }
        else
        {
            _compressor = new Compressor(level);
            _compressor.SetParameter(ZSTD_cParameter.ZSTD_c_windowLog, windowLog);
            _compressor.SetParameter(ZSTD_cParameter.ZSTD_c_minMatch, minimumMatchBytes);
            _compressor.SetParameter(ZSTD_cParameter.ZSTD_c_hashLog, hashLog);
            _decompressor = new Decompressor();
        }
    }

    /// <summary>
    /// restic has the levels of its own library: its fastest is near zstd's 1, better near 7, max near 11. Our Auto is near its fastest, so
    /// that our Fastest lies below zstd's positive levels. In chunks of 1 MiB the levels from 9 to 15 gain two per cent over 6; 17 gains nine.
    /// </summary>
    private static (int Level, int WindowLog, int MinimumMatchBytes, int HashLog) Parameters(ImageCompression compression) => compression switch
    {
        ImageCompression.Fastest => (-3, WindowLog, 7, LevelsOwn),
        ImageCompression.Better => (6, LongWindowLog, 5, LevelsOwn),
        ImageCompression.Max => (17, LongWindowLog, 4, LevelsOwn),
        _ => (DefaultLevel, WindowLog, MinimumMatchBytes, HashLog),
    };

    /// <summary>The most bytes that compressing so many can give: ZSTD_COMPRESSBOUND of zstd.h.</summary>
    public static int Bound(int countBytes) => checked(countBytes + (countBytes >> 8) + (countBytes < BlockBytes ? (BlockBytes - countBytes) >> 11 : 0));

    /// <summary>Compresses into <paramref name="target"/> (at least <see cref="Bound"/> bytes) and returns the length.</summary>
    public int Compress(ReadOnlySpan<byte> source, Span<byte> target) => _native?.Compress(source, target) ?? _compressor!.Wrap(source, target);

    /// <summary>
    /// A stream that compresses what is written to it into one frame on <paramref name="target"/>, which it leaves open. The frame is whole once
    /// the stream is disposed of; it does not say how long its content is.
    /// </summary>
    public Stream OpenCompression(Stream target) => _native?.OpenCompression(target) ?? new CompressionStream(target, _compressor!, leaveOpen: true);

    /// <summary>
    /// Decompresses one blob into exactly <paramref name="target"/>. False if the frame is damaged or its content
    /// is not exactly that long: a frame cannot make us write or allocate more than its index entry promised.
    /// </summary>
    public bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (_native is not null)
            return _native.Decompress(source, target) == target.Length;
        try
        {
            return _decompressor!.Unwrap(source, target) == target.Length;
        }
        catch (ZstdException)
        {
            return false;
        }
    }

    /// <summary>How long a frame's content is at most, by what the frame says of itself; null if that is not a frame, or more than the limit.</summary>
    public static int? ContentBound(ReadOnlySpan<byte> source, int limitBytes) => ContentBound(NativeZstd.KnowsContentBound, source, limitBytes);

    /// <param name="isNative">By the C library: to ask its translation would be the only use of that in most processes.</param>
    /// <param name="source">What may be a frame.</param>
    /// <param name="limitBytes">The longest content that is wanted.</param>
    internal static int? ContentBound(bool isNative, ReadOnlySpan<byte> source, int limitBytes)
    {
        if (isNative)
            return NativeZstd.ContentBound(source) is var nativeBytes && nativeBytes <= (ulong)limitBytes ? (int)nativeBytes : null;
        try
        {
            ulong boundBytes = Decompressor.GetDecompressedSize(source);
            return boundBytes <= (ulong)limitBytes ? (int)boundBytes : null;
        }
        catch (ZstdException)
        {
            return null;
        }
    }

    /// <summary>Decompresses a frame whose content has at most the target's length, and returns how long it is; -1 if it is damaged or longer.</summary>
    public int Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (_native is not null)
            return _native.Decompress(source, target);
        try
        {
            return _decompressor!.Unwrap(source, target);
        }
        catch (ZstdException)
        {
            return -1;
        }
    }

    /// <summary>A reader that goes through a frame in parts keeps as much of it as the frame's window: of one with a larger window it is given whole.</summary>
    private const int PartsWindowLimitBytes = 32 << 20;

    /// <summary>Whether a frame can be decompressed in parts in less memory than its content: its window is small, and its own.</summary>
    public static bool CanGiveParts(ReadOnlySpan<byte> source)
    {
        const byte singleSegmentFlag = 0x20;
        // RFC 8878, 3.1.1: the magic number, the descriptor, then the window's if the frame is not one segment.
        if (source.Length < 6 || BinaryPrimitives.ReadUInt32LittleEndian(source) != 0xFD2FB528 || (source[4] & singleSegmentFlag) != 0)
            return false;
        int exponent = source[5] >> 3, mantissa = source[5] & 7;
        long windowBytes = (8L + mantissa) << (7 + exponent);
        return windowBytes <= PartsWindowLimitBytes;
    }

    /// <summary>Gives a frame's content part by part. False if the frame is damaged, or its content not exactly as long as it should be.</summary>
    /// <param name="source">A frame that <see cref="CanGiveParts"/>.</param>
    /// <param name="contentBytes">How long the content should be.</param>
    /// <param name="part">Holds a part, each time.</param>
    /// <param name="onPart">Gets how many bytes of <paramref name="part"/> came.</param>
    public bool TryDecompress(ArraySegment<byte> source, long contentBytes, byte[] part, Action<int> onPart)
    {
        using var input = new MemoryStream(source.Array!, source.Offset, source.Count, writable: false);
        using Stream stream = _native is not null ? NativeZstd.OpenDecompression(input) : new DecompressionStream(input);
        long doneBytes = 0;
        while (true)
        {
            int countBytes;
            try
            {
                countBytes = stream.Read(part, 0, part.Length);
            }
            catch (Exception e) when (e is ZstdException or IOException || NativeZstd.IsDamage(e))
            {
                return false;
            }
            doneBytes += countBytes;
            if (countBytes == 0 || doneBytes > contentBytes)
                return doneBytes == contentBytes;
            onPart(countBytes);
        }
    }

    /// <summary>
    /// Decompresses a frame whose content length is not known before (index and snapshot records), up to a limit.
    /// Null if it is damaged or longer.
    /// </summary>
    public static byte[]? Decompress(byte[] source, int offset, int limitBytes)
    {
        try
        {
            using var input = new MemoryStream(source, offset, source.Length - offset, writable: false);
            using var stream = new DecompressionStream(input);
            using var output = new MemoryStream();
            byte[] buffer = new byte[64 * 1024];
            int countBytes;
            while ((countBytes = stream.Read(buffer, 0, buffer.Length)) > 0)
            {
                if (output.Length + countBytes > limitBytes)
                    return null;
                output.Write(buffer, 0, countBytes);
            }
            return output.ToArray();
        }
        catch (ZstdException)
        {
            return null;
        }
        catch (IOException)
        {
            // The stream ended inside a frame.
            return null;
        }
    }

    public void Dispose()
    {
        _native?.Dispose();
        _compressor?.Dispose();
        _decompressor?.Dispose();
    }
}
