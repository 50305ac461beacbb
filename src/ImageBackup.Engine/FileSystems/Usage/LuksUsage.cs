using System;
using System.Globalization;
using System.Text;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>
/// LUKS says of itself only that it is being re-encrypted and that the re-encryption has not finished. Layout: LUKS2 On-Disk Format
/// Specification, 2.1 (binary header: big-endian) and 3 (JSON area: config, requirements).
/// </summary>
internal static class LuksUsage
{
    private const int BinaryHeaderBytes = 4096;
    private const int MostHeaderBytes = 4 << 20;
    private static readonly byte[] s_magic = [(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xBA, 0xBE, 0, 2];

    private const string Requirement = "\"online-reencrypt";

    public static UsageSign? Read(IBlockReader volume, UsageContext context)
    {
        if (volume.TryRead(0, 512) is not { } bytes || !bytes.AsSpan().StartsWith(s_magic))
            return null;
        ulong headerBytes = BigEndian.UInt64(bytes, 8);
        if (headerBytes is <= BinaryHeaderBytes or > MostHeaderBytes || volume.TryRead(BinaryHeaderBytes, (int)headerBytes - BinaryHeaderBytes) is not { } json)
            return null;
        bool isUnderway = Encoding.ASCII.GetString(json).Contains(Requirement);
        return new UsageSign
        {
            Type = "crypto_LUKS",
            Trace = string.Format(CultureInfo.InvariantCulture, "{0} {1}", UsageSigns.Name(bytes.AsSpan(168, 40)), BigEndian.UInt64(bytes, 16)),
            Elsewhere = isUnderway ? "it is being re-encrypted, and the re-encryption has not finished" : null,
        };
    }
}
