using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Text;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>
/// The sectors of a real image that a reader looked at, in the order of its looking; everything else is zero. Small
/// enough to be checked in, and the seed of a fuzzer.
/// </summary>
/// <remarks>File: gzip of "FSSEED1\0", volume length (8 bytes), sector count (4), then sector number (8) and 512 bytes each.</remarks>
internal sealed class SeedVolume
{
    public const int SectorBytes = 512;
    private static readonly byte[] s_magic = Encoding.ASCII.GetBytes("FSSEED1\0");

    private readonly Dictionary<long, byte[]> _sectors = [];
    private readonly List<long> _order = [];

    public SeedVolume(long lengthBytes) => LengthBytes = lengthBytes;

    public long LengthBytes { get; }

    /// <summary>Numbers of the sectors that are not zero, in the order in which they were first read.</summary>
    public IReadOnlyList<long> Order => _order;

    public byte[]? Sector(long number) => _sectors.GetValueOrDefault(number);

    /// <summary>Lets a reader loose on an image and keeps what it read.</summary>
    public static SeedVolume Capture(IBlockReader image, Action<IBlockReader> read)
    {
        var seed = new SeedVolume(image.LengthBytes);
        using var recorder = new Recorder(image, seed);
        read(recorder);
        return seed;
    }

    public static SeedVolume Load(string path)
    {
        using var stream = new BinaryReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        if (!stream.ReadBytes(s_magic.Length).AsSpan().SequenceEqual(s_magic))
            throw new InvalidDataException(path);
        var seed = new SeedVolume(stream.ReadInt64());
        for (int left = stream.ReadInt32(); left > 0; left--)
            seed.Add(stream.ReadInt64(), stream.ReadBytes(SectorBytes));
        return seed;
    }

    public void Save(string path)
    {
        using var stream = new BinaryWriter(new GZipStream(File.Create(path), CompressionLevel.SmallestSize));
        stream.Write(s_magic);
        stream.Write(LengthBytes);
        stream.Write(_order.Count);
        foreach (long number in _order)
        {
            stream.Write(number);
            stream.Write(_sectors[number]);
        }
    }

    private void Add(long number, byte[] bytes)
    {
        if (_sectors.TryAdd(number, bytes))
            _order.Add(number);
    }

    private sealed class Recorder(IBlockReader image, SeedVolume seed) : IBlockReader
    {
        public long LengthBytes => image.LengthBytes;
        public int SectorSizeBytes => image.SectorSizeBytes;

        public int ReadAt(long offsetBytes, Span<byte> buffer)
        {
            int count = image.ReadAt(offsetBytes, buffer);
            var sector = new byte[SectorBytes];
            for (long number = offsetBytes / SectorBytes; number * SectorBytes < offsetBytes + count; number++)
            {
                sector.AsSpan().Clear();
                image.ReadAt(number * SectorBytes, sector);
                if (sector.AsSpan().ContainsAnyExcept((byte)0))
                    seed.Add(number, (byte[])sector.Clone());
            }
            return count;
        }

        public void Dispose()
        {
        }
    }
}
