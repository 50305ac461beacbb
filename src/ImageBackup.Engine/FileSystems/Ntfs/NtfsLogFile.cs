using System;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>
/// Whether $LogFile holds changes that wait for a replay: the restart pages at its begin say whether a client had
/// it open and whether the volume was taken off cleanly. (LFS restart page and restart area, versions 1.1 and 2.0.)
/// </summary>
internal static class NtfsLogFile
{
    private const int MinPageBytes = 512;
    private const int MaxPageBytes = 64 << 10;
    private const ushort NoClient = 0xFFFF;
    private const ushort VolumeIsCleanFlag = 0x0002;

    /// <exception cref="FileSystemFormatException">The log is not one that can be evaluated.</exception>
    public static bool IsClean(NtfsStream log)
    {
        if (IsErased(log))
            return true;
        (ulong Lsn, bool IsClean)? newest = null;
        foreach (int offset in new[] { 0, 0x1000, 0x200, 0x400, 0x800, 0x2000, 0x4000, 0x8000, 0x10000 })
        {
            if (TryReadRestartArea(log, offset) is { } area && (newest is null || area.Lsn > newest.Value.Lsn))
                newest = area;
        }
        return newest?.IsClean ?? throw new FileSystemFormatException("NTFS: the journal ($LogFile) has no readable restart area");
    }

    // A log of 0xFF bytes is one that was reset: there is nothing to replay. Writers that are not Windows leave it so.
    private static bool IsErased(NtfsStream log)
    {
        long length = Math.Min(log.DataSizeBytes, 2 * MaxPageBytes);
        var bytes = new byte[(int)Math.Min(length, 0x1000)];
        for (long offset = 0; offset < length; offset += bytes.Length)
        {
            Span<byte> part = bytes.AsSpan(0, (int)Math.Min(bytes.Length, length - offset));
            log.Read(offset, part);
            foreach (byte value in part)
            {
                if (value != 0xFF)
                    return false;
            }
        }
        return length > 0;
    }

    private static (ulong Lsn, bool IsClean)? TryReadRestartArea(NtfsStream log, int offset)
    {
        if (offset > log.DataSizeBytes - MinPageBytes)
            return null;
        var header = new byte[MinPageBytes];
        log.Read(offset, header);
        bool isRestart = header.AsSpan().StartsWith("RSTR"u8);
        if (!isRestart && !header.AsSpan().StartsWith("CHKD"u8))
            return null;
        uint pageBytes = LittleEndian.UInt32(header, 0x10);
        if (pageBytes is < MinPageBytes or > MaxPageBytes || (pageBytes & (pageBytes - 1)) != 0 || offset > log.DataSizeBytes - pageBytes)
            return null;
        var page = new byte[(int)pageBytes];
        log.Read(offset, page);
        try
        {
            NtfsMultiSector.Restore(page, isRestart ? "RSTR"u8 : "CHKD"u8, "a restart page");
            int area = LittleEndian.UInt16(page, 0x18);
            ulong lsn = LittleEndian.UInt64(page, area);
            ushort clientsInUse = LittleEndian.UInt16(page, area + 0x0C);
            ushort flags = LittleEndian.UInt16(page, area + 0x0E);
            return (lsn, clientsInUse == NoClient || (flags & VolumeIsCleanFlag) != 0);
        }
        catch (FileSystemFormatException)
        {
            // A torn page is what the second copy is for.
            return null;
        }
    }
}
