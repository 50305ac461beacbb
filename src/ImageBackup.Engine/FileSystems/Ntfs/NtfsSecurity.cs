using System;
using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>
/// Who owns files and who may use them. A file's record has a number, and $Secure has the descriptor of each number (its stream $SDS: parts of
/// 256 KiB, each followed by its copy); files of old volumes have descriptors of their own. Any thread.
/// </summary>
/// <param name="ntfs">The volume.</param>
internal sealed class NtfsSecurity(NtfsVolume ntfs)
{
    private const string StreamName = "$SDS";
    private const int PartBytes = 256 << 10;
    private const int HeaderBytes = 20;
    public const int MaxDescriptorBytes = 64 << 10;

    /// <summary>A volume has some thousands of them, of some hundred bytes.</summary>
    private const long MaxStreamBytes = 64L << 20;
    private const int MinHeaderBytes = 20;
    private const int MaxAuthorityCount = 15;

    private Dictionary<uint, byte[]>? _byNumber;

    /// <summary>The descriptor in its self-relative form ("MS-DTYP", section 2.4.6); null if the volume has none of this number.</summary>
    public byte[]? Find(uint number)
    {
        Dictionary<uint, byte[]> known = Volatile.Read(ref _byNumber) ?? Load();
        return known.TryGetValue(number, out byte[]? descriptor) ? descriptor : null;
    }

    // Two threads that ask first make the same table.
    private Dictionary<uint, byte[]> Load()
    {
        var found = new Dictionary<uint, byte[]>();
        try
        {
            if (ntfs.OpenStream(ntfs.ReadRecord(NtfsVolume.SecureRecord), NtfsVolume.SecureRecord, NtfsAttributeType.Data, StreamName) is { } stream)
                Read(stream, found);
        }
        catch (FileSystemFormatException)
        {
            // Files are shown without owners.
        }
        Volatile.Write(ref _byNumber, found);
        return found;
    }

    private static void Read(NtfsStream stream, Dictionary<uint, byte[]> found)
    {
        long end = Math.Min(stream.DataSizeBytes, MaxStreamBytes);
        var part = new byte[PartBytes];
        for (long start = 0; start < end; start += 2 * PartBytes)
        {
            int count = (int)Math.Min(PartBytes, end - start);
            stream.Read(start, part.AsSpan(0, count));
            for (int at = 0; at <= count - HeaderBytes;)
            {
                uint number = LittleEndian.UInt32(part, at + 4);
                uint length = LittleEndian.UInt32(part, at + 16);
                if (length < HeaderBytes || length > (uint)(count - at) || LittleEndian.UInt64(part, at + 8) != (ulong)(start + at))
                    break;
                if (length - HeaderBytes <= MaxDescriptorBytes)
                    found[number] = part.AsSpan(at + HeaderBytes, (int)length - HeaderBytes).ToArray();
                at += (int)(length + 15 & ~15u);
            }
        }
    }

    /// <summary>Whether all parts of a descriptor lie inside of it: who sets it is not asked for its length.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> descriptor)
    {
        const int ownerOffset = 4, groupOffset = 8, auditOffset = 12, accessOffset = 16;
        const ushort isSelfRelative = 0x8000, hasAccessList = 0x4, hasAuditList = 0x10;
        if (descriptor.Length < MinHeaderBytes || descriptor[0] != 1)
            return false;
        ushort control = LittleEndian.UInt16(descriptor, 2);
        return (control & isSelfRelative) != 0
            && IsSid(descriptor, LittleEndian.UInt32(descriptor, ownerOffset)) && IsSid(descriptor, LittleEndian.UInt32(descriptor, groupOffset))
            && ((control & hasAuditList) == 0 || IsList(descriptor, LittleEndian.UInt32(descriptor, auditOffset)))
            && ((control & hasAccessList) == 0 || IsList(descriptor, LittleEndian.UInt32(descriptor, accessOffset)));
    }

    private static bool IsSid(ReadOnlySpan<byte> descriptor, uint offset)
    {
        const int fixedBytes = 8;
        return offset == 0
            || offset >= MinHeaderBytes && offset <= (uint)descriptor.Length - fixedBytes && descriptor[(int)offset] == 1
                && descriptor[(int)offset + 1] <= MaxAuthorityCount && descriptor.Length - (int)offset >= fixedBytes + 4 * descriptor[(int)offset + 1];
    }

    // 0: a list of nothing, which lets everybody do all.
    private static bool IsList(ReadOnlySpan<byte> descriptor, uint offset)
    {
        const int headerBytes = 8, minEntryBytes = 8, minRevision = 2, maxRevision = 4;
        if (offset == 0)
            return true;
        if (offset < MinHeaderBytes || offset > (uint)descriptor.Length - headerBytes)
            return false;
        ReadOnlySpan<byte> list = descriptor.Slice((int)offset);
        int lengthBytes = LittleEndian.UInt16(list, 2), count = LittleEndian.UInt16(list, 4);
        if (list[0] is < minRevision or > maxRevision || lengthBytes < headerBytes || lengthBytes > list.Length)
            return false;
        list = list.Slice(headerBytes, lengthBytes - headerBytes);
        for (; count > 0; count--)
        {
            if (list.Length < minEntryBytes)
                return false;
            int entryBytes = LittleEndian.UInt16(list, 2);
            if (entryBytes < minEntryBytes || entryBytes % 4 != 0 || entryBytes > list.Length)
                return false;
            list = list.Slice(entryBytes);
        }
        return true;
    }

    /// <summary>The owner's SID as text (S-1-5-...); null if the descriptor names none.</summary>
    public static string? Owner(ReadOnlySpan<byte> descriptor)
    {
        if (descriptor.Length < MinHeaderBytes || descriptor[0] != 1)
            return null;
        uint offset = LittleEndian.UInt32(descriptor, 4);
        if (offset < MinHeaderBytes || offset > (uint)descriptor.Length - 8)
            return null;
        ReadOnlySpan<byte> sid = descriptor.Slice((int)offset);
        int count = sid[1];
        if (sid[0] != 1 || count > MaxAuthorityCount || sid.Length < 8 + 4 * count)
            return null;
        ulong authority = 0;
        for (int i = 2; i < 8; i++)
            authority = authority << 8 | sid[i];
        string text = FormattableString.Invariant($"S-1-{authority}");
        for (int i = 0; i < count; i++)
            text += FormattableString.Invariant($"-{LittleEndian.UInt32(sid, 8 + 4 * i)}");
        return text;
    }
}
