using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using ZstdNet;

namespace ImageBackup.Engine.Repository.Compression;

/// <summary>
/// Zstandard by the C library itself, which ZstdNet brings for the usual processors and systems: a fifth faster than its
/// translation to C#, and it need not be compiled while the first gigabyte passes. If it cannot be loaded (an older C
/// library, another processor, the netstandard2.0 build) <see cref="IsSupported"/> is false. Not thread-safe: one a thread.
/// </summary>
internal sealed unsafe class NativeZstd : IDisposable
{
    /// <summary>unsigned long long ZSTD_decompressBound(const void* src, size_t srcSize), which ZstdNet does not have.</summary>
    private static delegate* unmanaged<byte*, nuint, ulong> s_decompressBound;

    private static readonly IntPtr s_library = Load();
    private readonly Compressor _compressor;
    private readonly Decompressor _decompressor = new();
    private readonly CompressionOptions _options;

    public NativeZstd(int level, int windowLog, int minimumMatchBytes, int hashLog)
    {
        var parameters = new Dictionary<ZSTD_cParameter, int>
        {
            [ZSTD_cParameter.ZSTD_c_windowLog] = windowLog,
            [ZSTD_cParameter.ZSTD_c_minMatch] = minimumMatchBytes,
        };
        // ZstdNet refuses the 0 that the library takes for the level's own.
        if (hashLog != Zstd.LevelsOwn)
            parameters.Add(ZSTD_cParameter.ZSTD_c_hashLog, hashLog);
        _options = new CompressionOptions(null, parameters, level);
        _compressor = new Compressor(_options);
    }

    public static bool IsSupported => s_library != IntPtr.Zero;

    /// <summary>Compresses into <paramref name="target"/>, which is long enough for whatever comes, and returns the length.</summary>
    public int Compress(ReadOnlySpan<byte> source, Span<byte> target) => _compressor.Wrap(source, target);

    /// <summary>Decompresses into <paramref name="target"/> and returns the length; -1 if the frame is damaged or longer.</summary>
    public int Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        try
        {
            return _decompressor.Unwrap(source, target, bufferSizePrecheck: false);
        }
        catch (ZstdException)
        {
            return -1;
        }
    }

    /// <summary>Compresses what is written to it into one frame on a stream, which it leaves open.</summary>
    public Stream OpenCompression(Stream target) => new CompressionStream(target, _options);

    /// <summary>Whether the library can be asked for <see cref="ContentBound"/>, which its authors may take out of it.</summary>
    public static bool KnowsContentBound => s_decompressBound is not null;

    /// <summary>How long the content of whole frames is at most, by what they say of themselves; more than a long has if they are none.</summary>
    public static ulong ContentBound(ReadOnlySpan<byte> source)
    {
        fixed (byte* first = source)
            return s_decompressBound(first, (nuint)source.Length);
    }

    /// <summary>Decompresses what it reads from a stream.</summary>
    public static Stream OpenDecompression(Stream source) => new DecompressionStream(source);

    /// <summary>Whether it is what the library throws for a damaged frame.</summary>
    public static bool IsDamage(Exception e) => e is ZstdException;

    public void Dispose()
    {
        _compressor.Dispose();
        _decompressor.Dispose();
        _options.Dispose();
    }

    /// <summary>
    /// The library that lies beside us, and no other one that the system may have under that name: the module runs as root,
    /// and what it stores should not depend on the machine.
    /// </summary>
    private static IntPtr Load()
    {
        (string system, string file) = OperatingSystem.IsWindows() ? ("win", "libzstd.dll") : ("linux", "libzstd.so");
#pragma warning disable CA1308 // The names of runtimes are lower case.
        string runtime = system + "-" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();
#pragma warning restore CA1308
        string directory = Path.GetDirectoryName(typeof(NativeZstd).Assembly.Location) ?? "";
        string native = Path.Combine("runtimes", runtime, "native", file);
        // A program that is published for one system has it beside its assemblies; what is compiled ahead lies in a folder of the module's, of this name.
        string module = Path.GetFileName(directory) == runtime ? Path.GetDirectoryName(directory)! : directory;
        foreach (string path in new[] { Path.Combine(directory, native), Path.Combine(directory, file), Path.Combine(module, native) })
        {
            if (directory.Length > 0 && File.Exists(path) && NativeLibrary.TryLoad(path, out IntPtr library))
            {
                if (NativeLibrary.TryGetExport(library, "ZSTD_decompressBound", out IntPtr decompressBound))
                    s_decompressBound = (delegate* unmanaged<byte*, nuint, ulong>)decompressBound;
                NativeLibrary.SetDllImportResolver(typeof(Compressor).Assembly, (name, _, _) => name == "libzstd" ? library : IntPtr.Zero);
                return library;
            }
        }
        return IntPtr.Zero;
    }
}
