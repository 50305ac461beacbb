using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>A seed with a few of its bytes changed, by a random number that can be given again.</summary>
internal sealed class MutatedVolume : IBlockReader
{
    private static readonly ulong[] s_values =
    [
        0, 1, 2, 7, 8, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096, 32767, 32768, 65535, 65536,
        int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32, long.MaxValue, 1UL << 63, ulong.MaxValue, ulong.MaxValue - 1,
    ];

    private readonly SeedVolume _seed;
    private readonly Dictionary<long, byte[]> _changed = [];

    public MutatedVolume(SeedVolume seed, int number)
    {
        _seed = seed;
        LengthBytes = seed.LengthBytes;
        var random = new Random(number);
        for (int count = 1 + random.Next(random.Next(1, 10)); count > 0; count--)
            Mutate(random);
    }

    public long LengthBytes { get; private set; }
    public int SectorSizeBytes => 512;

    /// <summary>Bytes that were asked for: a bound for the work done.</summary>
    public long ReadBytes { get; private set; }

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = (int)Math.Max(0, Math.Min(buffer.Length, LengthBytes - offsetBytes));
        ReadBytes += count;
        for (int done = 0; done < count;)
        {
            long number = (offsetBytes + done) / SeedVolume.SectorBytes;
            int inside = (int)((offsetBytes + done) % SeedVolume.SectorBytes);
            int part = Math.Min(SeedVolume.SectorBytes - inside, count - done);
            Span<byte> target = buffer.Slice(done, part);
            if ((_changed.TryGetValue(number, out byte[]? sector) ? sector : _seed.Sector(number)) is { } bytes)
                bytes.AsSpan(inside, part).CopyTo(target);
            else
                target.Clear();
            done += part;
        }
        return count;
    }

    public void Dispose()
    {
    }

    private void Mutate(Random random)
    {
        if (random.Next(40) == 0)
        {
            LengthBytes = random.Next(4) switch
            {
                0 => random.NextInt64(LengthBytes + 1),
                1 => LengthBytes * random.Next(2, 100),
                2 => LengthBytes + random.Next(-5000, 5000),
                _ => random.Next(70_000),
            };
            LengthBytes = Math.Max(0, LengthBytes);
            return;
        }
        byte[] sector = Writable(Pick(random));
        // Most fields lie at the start of a structure.
        int at = random.Next(random.Next(2) == 0 ? 128 : SeedVolume.SectorBytes);
        switch (random.Next(9))
        {
            case 0:
                sector[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                sector[at] = (byte)random.Next(256);
                break;
            case 2:
                sector.AsSpan().Clear();
                break;
            case 3:
                Writable(Pick(random)).CopyTo(sector, 0);
                break;
            case 4:
                Span<byte> run = sector.AsSpan(at, Math.Min(SeedVolume.SectorBytes - at, random.Next(1, 40)));
                random.NextBytes(run);
                break;
            default:
                WriteField(sector, at, random);
                break;
        }
    }

    private static void WriteField(byte[] sector, int at, Random random)
    {
        int width = 1 << random.Next(1, 4);
        at = at / width * width;
        Span<byte> field = sector.AsSpan(at, width);
        bool isBig = random.Next(2) == 0;
        ulong old = 0;
        for (int i = 0; i < width; i++)
            old |= (ulong)field[isBig ? width - 1 - i : i] << (8 * i);
        ulong value = random.Next(3) switch
        {
            0 => unchecked(old + (ulong)(long)random.Next(-3, 4)),
            1 => old << random.Next(1, 5),
            _ => s_values[random.Next(s_values.Length)],
        };
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        for (int i = 0; i < width; i++)
            field[isBig ? width - 1 - i : i] = bytes[i];
    }

    // What a reader looks at first decides most: favoured.
    private long Pick(Random random)
    {
        if (_seed.Order.Count == 0)
            return random.NextInt64(1 + LengthBytes / SeedVolume.SectorBytes);
        double place = random.NextDouble();
        return _seed.Order[(int)(place * place * place * _seed.Order.Count)];
    }

    private byte[] Writable(long number)
    {
        if (!_changed.TryGetValue(number, out byte[]? sector))
            _changed[number] = sector = (byte[]?)_seed.Sector(number)?.Clone() ?? new byte[SeedVolume.SectorBytes];
        return sector;
    }
}
