using System;
using System.Collections.Concurrent;

namespace ImageBackup.Engine.Repository.Sealing;

/// <summary>Lends a <see cref="Sealer"/> to a thread for the length of one operation or one job.</summary>
internal sealed class SealerPool(MasterKey key) : IDisposable
{
    private readonly ConcurrentBag<Sealer> _idle = new();

    public Sealer Rent() => _idle.TryTake(out Sealer? sealer) ? sealer : new Sealer(key);

    public void Return(Sealer sealer) => _idle.Add(sealer);

    /// <summary>For sealing it under another password; the pool's own.</summary>
    internal MasterKey Key => key;

    /// <summary>Seals into a new array.</summary>
    public byte[] Seal(ReadOnlySpan<byte> plain)
    {
        byte[] target = new byte[plain.Length + Sealer.OverheadBytes];
        Sealer sealer = Rent();
        try
        {
            sealer.Seal(plain, target);
        }
        finally
        {
            Return(sealer);
        }
        return target;
    }

    /// <summary>Opens into a new array; null if the bytes were tampered with, damaged or too short.</summary>
    public byte[]? Open(ReadOnlySpan<byte> sealedBytes)
    {
        if (sealedBytes.Length < Sealer.OverheadBytes)
            return null;
        byte[] target = new byte[sealedBytes.Length - Sealer.OverheadBytes];
        Sealer sealer = Rent();
        try
        {
            return sealer.TryOpen(sealedBytes, target) ? target : null;
        }
        finally
        {
            Return(sealer);
        }
    }

    public void Dispose()
    {
        while (_idle.TryTake(out Sealer? sealer))
            sealer.Dispose();
        key.Dispose();
    }
}
