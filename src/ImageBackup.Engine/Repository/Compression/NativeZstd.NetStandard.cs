using System;
using System.IO;

namespace ImageBackup.Engine.Repository.Compression;

/// <summary>
/// Zstandard by the C library itself, which ZstdNet brings for the usual processors and systems: a fifth faster than its
/// translation to C#, and it need not be compiled while the first gigabyte passes. If it cannot be loaded (an older C
/// library, another processor, the netstandard2.0 build) <see cref="IsSupported"/> is false. Not thread-safe: one a thread.
/// </summary>
internal sealed class NativeZstd : IDisposable
{
    private readonly int _level;

    public NativeZstd(int level, int windowLog, int minimumMatchBytes, int hashLog) => _level = IsSupported ? level + windowLog + minimumMatchBytes + hashLog : throw new PlatformNotSupportedException();

    public static bool IsSupported => false;

    public int Compress(ReadOnlySpan<byte> source, Span<byte> target) => throw new PlatformNotSupportedException($"Level {_level}.");

    public int Decompress(ReadOnlySpan<byte> source, Span<byte> target) => throw new PlatformNotSupportedException($"Level {_level}.");

    public Stream OpenCompression(Stream target) => throw new PlatformNotSupportedException($"Level {_level}.");

    public static bool KnowsContentBound => false;

    public static ulong ContentBound(ReadOnlySpan<byte> source) => throw new PlatformNotSupportedException($"{source.Length} bytes.");

    public static Stream OpenDecompression(Stream source) => throw new PlatformNotSupportedException();

    public static bool IsDamage(Exception e) => false;

    public void Dispose()
    {
    }
}
