using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Tests.Interop.FileSystems.Images;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Ntfs;

/// <summary>
/// Rebuilds structures of a fresh NTFS volume (contiguous $MFT, 1 KiB records) into shapes that Windows makes and
/// no tool here does: $Bitmap in many runs, its extents in other file records. ntfs-3g judges the result.
/// </summary>
internal sealed class NtfsSurgeon
{
    private const int RecordBytes = 1024;
    private readonly ImageFile _image;
    private readonly int _clusterBytes;
    private readonly long _clusterCount;
    private readonly long _mftOffset;

    public NtfsSurgeon(ImageFile image)
    {
        _image = image;
        byte[] boot = image.Read(0, 512);
        int sectorBytes = BinaryPrimitives.ReadUInt16LittleEndian(boot.AsSpan(0x0B));
        _clusterBytes = sectorBytes * boot[0x0D];
        _clusterCount = BinaryPrimitives.ReadInt64LittleEndian(boot.AsSpan(0x28)) / boot[0x0D];
        _mftOffset = BinaryPrimitives.ReadInt64LittleEndian(boot.AsSpan(0x30)) * _clusterBytes;
        Assert.Equal(RecordBytes, boot[0x40] < 0x80 ? boot[0x40] * _clusterBytes : 1 << (256 - boot[0x40]));
    }

    public byte[] ReadRecord(int number)
    {
        byte[] record = _image.Read(_mftOffset + number * RecordBytes, RecordBytes);
        int array = BinaryPrimitives.ReadUInt16LittleEndian(record.AsSpan(4));
        for (int i = 0; i < 2; i++)
            record.AsSpan(array + 2 + i * 2, 2).CopyTo(record.AsSpan(i * 512 + 510));
        return record;
    }

    public void WriteRecord(int number, byte[] source)
    {
        byte[] record = source.ToArray();
        int array = BinaryPrimitives.ReadUInt16LittleEndian(record.AsSpan(4));
        for (int i = 0; i < 2; i++)
        {
            record.AsSpan(i * 512 + 510, 2).CopyTo(record.AsSpan(array + 2 + i * 2));
            record.AsSpan(array, 2).CopyTo(record.AsSpan(i * 512 + 510));
        }
        _image.Write(_mftOffset + number * RecordBytes, record);
    }

    public static int AttributeOffset(byte[] record, uint type)
    {
        int offset = BinaryPrimitives.ReadUInt16LittleEndian(record.AsSpan(0x14));
        while (BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(offset)) != type)
        {
            Assert.NotEqual(uint.MaxValue, BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(offset)));
            offset += BinaryPrimitives.ReadInt32LittleEndian(record.AsSpan(offset + 4));
        }
        return offset;
    }

    /// <summary>Moves $Bitmap into runs of one cluster each; with extents, these lie in that many further records.</summary>
    public void ScatterBitmap(int extentCount)
    {
        byte[] record = ReadRecord(6);
        int data = AttributeOffset(record, 0x80);
        byte[] attribute = record.AsSpan(data, BinaryPrimitives.ReadInt32LittleEndian(record.AsSpan(data + 4))).ToArray();
        (long oldLcn, int count) = SingleRun(attribute);
        byte[] bitmap = _image.Read(oldLcn * _clusterBytes, count * _clusterBytes);

        var lcns = new List<long>();
        var random = new Random(count);
        for (long lcn = _clusterCount / 3; lcns.Count < count; lcn += random.Next(2, 40))
        {
            if ((bitmap[lcn >> 3] >> (int)(lcn & 7) & 1) == 0)
                lcns.Add(lcn);
        }
        // Out of order, so that runs also go backwards.
        for (int i = 0; i + 1 < lcns.Count; i += 2)
            (lcns[i], lcns[i + 1]) = (lcns[i + 1], lcns[i]);
        for (int i = 0; i < count; i++)
        {
            bitmap[lcns[i] >> 3] |= (byte)(1 << (int)(lcns[i] & 7));
            bitmap[(oldLcn + i) >> 3] &= (byte)~(1 << (int)((oldLcn + i) & 7));
        }
        for (int i = 0; i < count; i++)
            _image.Write(lcns[i] * _clusterBytes, bitmap.AsSpan(i * _clusterBytes, _clusterBytes));

        if (extentCount == 0)
            SetAttributes(record, Attributes(record).Where(a => a[0] != 0x80).Append(WithRuns(attribute, 0, lcns)).ToList());
        else
            SpreadExtents(record, attribute, lcns, extentCount);
        WriteRecord(6, record);
    }

    // Extension records take the place of the reserved, empty records 12 and up, which every mkfs makes.
    private void SpreadExtents(byte[] record, byte[] attribute, List<long> lcns, int extentCount)
    {
        List<byte[]> attributes = Attributes(record).Where(a => a[0] != 0x80).ToList();
        var list = new List<byte[]>();
        ushort ownSequence = BinaryPrimitives.ReadUInt16LittleEndian(record.AsSpan(0x10));
        foreach (byte[] own in attributes)
            list.Add(ListEntry(own, 0, 6, ownSequence));
        int perExtent = (lcns.Count + extentCount - 1) / extentCount;
        for (int i = 0; i < extentCount; i++)
        {
            int number = 12 + i;
            byte[] extent = ReadRecord(number);
            ushort sequence = BinaryPrimitives.ReadUInt16LittleEndian(extent.AsSpan(0x10));
            byte[] part = WithRuns(attribute, i * perExtent, lcns.Skip(i * perExtent).Take(perExtent).ToList());
            BinaryPrimitives.WriteUInt64LittleEndian(extent.AsSpan(0x20), 6 | (ulong)ownSequence << 48);
            BinaryPrimitives.WriteUInt16LittleEndian(extent.AsSpan(0x12), 0);
            SetAttributes(extent, [part]);
            WriteRecord(number, extent);
            list.Add(ListEntry(part, i * perExtent, number, sequence));
        }
        byte[] value = list.SelectMany(static entry => entry).ToArray();
        var listAttribute = new byte[0x18 + (value.Length + 7) / 8 * 8];
        listAttribute[0] = 0x20;
        BinaryPrimitives.WriteInt32LittleEndian(listAttribute.AsSpan(4), listAttribute.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(listAttribute.AsSpan(0xE), 0x20);
        BinaryPrimitives.WriteInt32LittleEndian(listAttribute.AsSpan(0x10), value.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(listAttribute.AsSpan(0x14), 0x18);
        value.CopyTo(listAttribute, 0x18);
        attributes.Insert(1, listAttribute);
        SetAttributes(record, attributes);
    }

    private static byte[] ListEntry(byte[] attribute, long vcn, int record, ushort sequence)
    {
        var entry = new byte[0x20];
        attribute.AsSpan(0, 4).CopyTo(entry);
        entry[4] = 0x20;
        entry[7] = 0x1A;
        BinaryPrimitives.WriteInt64LittleEndian(entry.AsSpan(8), vcn);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(0x10), (uint)record | (ulong)sequence << 48);
        attribute.AsSpan(0xE, 2).CopyTo(entry.AsSpan(0x18));
        return entry;
    }

    private static List<byte[]> Attributes(byte[] record)
    {
        var attributes = new List<byte[]>();
        int offset = BinaryPrimitives.ReadUInt16LittleEndian(record.AsSpan(0x14));
        while (BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(offset)) != uint.MaxValue)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(record.AsSpan(offset + 4));
            attributes.Add(record.AsSpan(offset, length).ToArray());
            offset += length;
        }
        return attributes;
    }

    private static void SetAttributes(byte[] record, List<byte[]> attributes)
    {
        int offset = BinaryPrimitives.ReadUInt16LittleEndian(record.AsSpan(0x14));
        record.AsSpan(offset).Clear();
        foreach (byte[] attribute in attributes)
        {
            attribute.CopyTo(record, offset);
            offset += attribute.Length;
        }
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(offset), uint.MaxValue);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(0x18), offset + 8);
        BinaryPrimitives.WriteUInt16LittleEndian(record.AsSpan(0x16), 1);
    }

    private static (long Lcn, int Count) SingleRun(byte[] attribute)
    {
        int offset = BinaryPrimitives.ReadUInt16LittleEndian(attribute.AsSpan(0x20));
        int lengthBytes = attribute[offset] & 15;
        int lcnBytes = attribute[offset] >> 4;
        Assert.Equal(0, attribute[offset + 1 + lengthBytes + lcnBytes]);
        long count = 0;
        long lcn = 0;
        for (int i = lengthBytes - 1; i >= 0; i--)
            count = count << 8 | attribute[offset + 1 + i];
        for (int i = lcnBytes - 1; i >= 0; i--)
            lcn = lcn << 8 | attribute[offset + 1 + lengthBytes + i];
        return (lcn, (int)count);
    }

    private static byte[] WithRuns(byte[] attribute, long firstVcn, List<long> lcns)
    {
        var runs = new List<byte>();
        long previous = 0;
        foreach (long lcn in lcns)
        {
            runs.Add(0x41);
            runs.Add(1);
            var delta = new byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(delta, (int)(lcn - previous));
            runs.AddRange(delta);
            previous = lcn;
        }
        runs.Add(0);
        var result = new byte[0x40 + (runs.Count + 7) / 8 * 8];
        attribute.AsSpan(0, 0x40).CopyTo(result);
        BinaryPrimitives.WriteInt32LittleEndian(result.AsSpan(4), result.Length);
        BinaryPrimitives.WriteInt64LittleEndian(result.AsSpan(0x10), firstVcn);
        BinaryPrimitives.WriteInt64LittleEndian(result.AsSpan(0x18), firstVcn + lcns.Count - 1);
        BinaryPrimitives.WriteUInt16LittleEndian(result.AsSpan(0x20), 0x40);
        if (firstVcn != 0)
            result.AsSpan(0x28, 0x18).Clear();
        runs.CopyTo(result, 0x40);
        return result;
    }
}
