using System;
using System.Buffers.Binary;
using ImageBackup.Tests.Interop.FileSystems.Images;

namespace ImageBackup.Tests.Interop.FileSystems.Ntfs;

/// <summary>Puts Windows' restart pages at the begin of a $LogFile that mkfs left erased.</summary>
internal static class NtfsLog
{
    private const int PageBytes = 4096;

    public static void Write(ImageFile image, bool isClean)
    {
        long offset = Offset(image);
        for (int copy = 0; copy < 2; copy++)
        {
            var page = new byte[PageBytes];
            "RSTR"u8.CopyTo(page);
            Put16(page, 0x04, 0x1E);
            Put16(page, 0x06, 9);
            BinaryPrimitives.WriteInt32LittleEndian(page.AsSpan(0x10), PageBytes);
            BinaryPrimitives.WriteInt32LittleEndian(page.AsSpan(0x14), PageBytes);
            Put16(page, 0x18, 0x30);
            Put16(page, 0x1A, 1);
            Put16(page, 0x1C, 1);
            Put16(page, 0x1E, 0x55AA);
            Span<byte> area = page.AsSpan(0x30);
            BinaryPrimitives.WriteInt64LittleEndian(area, 0x1000 + copy);
            Put16(area, 0x08, 1);
            Put16(area, 0x0A, 0xFFFF);
            // The older copy always says clean: the newer one must win.
            bool saysClean = isClean || copy == 0;
            Put16(area, 0x0C, saysClean ? (ushort)0xFFFF : (ushort)0);
            Put16(area, 0x0E, saysClean ? (ushort)2 : (ushort)0);
            BinaryPrimitives.WriteInt32LittleEndian(area[0x10..], 67 - 22); // 2 MiB is a number of 22 bits.
            Put16(area, 0x14, 0xE0);
            Put16(area, 0x16, 0x40);
            BinaryPrimitives.WriteInt64LittleEndian(area[0x18..], 2 << 20);
            Put16(area, 0x24, 0x30);
            Put16(area, 0x26, 0x40);
            Put16(area, 0x40 + 0x10, 0xFFFF);
            Put16(area, 0x40 + 0x12, 0xFFFF);
            BinaryPrimitives.WriteInt32LittleEndian(area[(0x40 + 0x1C)..], 8);
            System.Text.Encoding.Unicode.GetBytes("NTFS").CopyTo(area[(0x40 + 0x20)..]);
            for (int stride = 1; stride <= PageBytes / 512; stride++)
            {
                page.AsSpan(stride * 512 - 2, 2).CopyTo(page.AsSpan(0x1E + stride * 2));
                Put16(page, stride * 512 - 2, 0x55AA);
            }
            image.Write(offset + copy * PageBytes, page);
        }
    }

    private static long Offset(ImageFile image)
    {
        byte[] record = new NtfsSurgeon(image).ReadRecord(2);
        int data = NtfsSurgeon.AttributeOffset(record, 0x80);
        int runs = data + BinaryPrimitives.ReadUInt16LittleEndian(record.AsSpan(data + 0x20));
        int lengthBytes = record[runs] & 15;
        long lcn = 0;
        for (int i = (record[runs] >> 4) - 1; i >= 0; i--)
            lcn = lcn << 8 | record[runs + 1 + lengthBytes + i];
        return lcn * 4096;
    }

    private static void Put16(Span<byte> bytes, int offset, ushort value) =>
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[offset..], value);
}
