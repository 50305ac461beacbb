using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>What a logged write was (Documentation/admin-guide/device-mapper/log-writes.rst of the kernel; struct log_write_entry).</summary>
[Flags]
internal enum LoggedFlags
{
    None = 0,

    /// <summary>All that was completed before it was made durable. The log lists completed writes when the flush after them ends.</summary>
    Flush = 1,

    /// <summary>Durable by itself.</summary>
    ForceUnitAccess = 2,
    Discard = 4,
    Mark = 8,
}

/// <summary>One entry: a write to the disk at an offset, or a mark with a name. <paramref name="DataBytes"/> is where its content lies in the log.</summary>
internal sealed record LoggedWrite(long OffsetBytes, long LengthBytes, LoggedFlags Flags, long DataBytes, string? Mark)
{
    public bool IsBarrier => (Flags & (LoggedFlags.Flush | LoggedFlags.ForceUnitAccess)) != 0;
}

/// <summary>The log of a device of the device mapper's log-writes target: each write in the order in which the disk may rely on it.</summary>
internal static class WriteLog
{
    private const ulong Magic = 0x6a736677736872;
    private const int EntryHeaderBytes = 32;

    public static IReadOnlyList<LoggedWrite> Read(FileStream log)
    {
        byte[] header = new byte[512];
        log.Position = 0;
        log.ReadExactly(header);
        Expect.Equal(Magic, BinaryPrimitives.ReadUInt64LittleEndian(header), "The log's magic number");
        Expect.Equal(1UL, BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(8)), "The log's version");
        long count = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(16));
        int sectorBytes = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(24));
        Expect.True(count is > 0 and < 1_000_000 && sectorBytes is 512 or 4096, $"The log says {count} entries of {sectorBytes} bytes.");
        var entries = new List<LoggedWrite>((int)count);
        byte[] sector = new byte[sectorBytes];
        long at = sectorBytes;
        for (long i = 0; i < count; i++)
        {
            log.Position = at;
            log.ReadExactly(sector);
            at += sectorBytes;
            long offsetBytes = BinaryPrimitives.ReadInt64LittleEndian(sector) * sectorBytes;
            long lengthBytes = BinaryPrimitives.ReadInt64LittleEndian(sector.AsSpan(8)) * sectorBytes;
            var flags = (LoggedFlags)BinaryPrimitives.ReadInt64LittleEndian(sector.AsSpan(16)) & (LoggedFlags)15;
            int markBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(sector.AsSpan(24));
            string? mark = flags.HasFlag(LoggedFlags.Mark) ? Encoding.ASCII.GetString(sector, EntryHeaderBytes, Math.Clamp(markBytes, 0, sectorBytes - EntryHeaderBytes)).TrimEnd('\0') : null;
            entries.Add(new LoggedWrite(offsetBytes, lengthBytes, flags, at, mark));
            if (!flags.HasFlag(LoggedFlags.Discard) && mark is null)
                at += lengthBytes;
        }
        return entries;
    }
}
