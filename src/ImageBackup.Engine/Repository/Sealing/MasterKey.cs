using System;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.Repository.Sealing;

/// <summary>
/// The three keys that everything in a repository is sealed with (restic design.rst, "Keys, Encryption and MAC"):
/// 32 bytes for AES-256, and for Poly1305-AES 16 bytes k and 16 bytes r. Zeroed when disposed; until then there are no core dumps.
/// </summary>
internal sealed class MasterKey : IDisposable
{
    public const int SizeBytes = 64;

    private bool _isDisposed;

    public MasterKey(ReadOnlySpan<byte> encryption, ReadOnlySpan<byte> macK, ReadOnlySpan<byte> macR)
    {
        if (encryption.Length != 32 || macK.Length != 16 || macR.Length != 16)
            throw new ArgumentException("A master key is 32 + 16 + 16 bytes.");
        CoreDumps.Forbid();
        Encryption = encryption.ToArray();
        MacK = macK.ToArray();
        MacR = macR.ToArray();
    }

    /// <summary>From 64 bytes as scrypt derives them: encryption key, k, r.</summary>
    public static MasterKey FromDerived(ReadOnlySpan<byte> derived) =>
        new(derived.Slice(0, 32), derived.Slice(32, 16), derived.Slice(48, 16));

    public static MasterKey Generate()
    {
        Span<byte> bytes = stackalloc byte[SizeBytes];
        SystemRandom.Fill(bytes);
        MasterKey key = FromDerived(bytes);
        bytes.Clear();
        return key;
    }

    public byte[] Encryption { get; }
    public byte[] MacK { get; }
    public byte[] MacR { get; }

    /// <summary>In a time that does not depend on where they differ.</summary>
    public bool IsSame(MasterKey other) =>
        Sealer.FixedTimeEquals(Encryption, other.Encryption) & Sealer.FixedTimeEquals(MacK, other.MacK) & Sealer.FixedTimeEquals(MacR, other.MacR);

    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        Array.Clear(Encryption, 0, Encryption.Length);
        Array.Clear(MacK, 0, MacK.Length);
        Array.Clear(MacR, 0, MacR.Length);
        CoreDumps.Allow();
    }
}
