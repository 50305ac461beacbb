using System;
using System.Buffers.Binary;
using System.Globalization;
using ImageBackup.Engine.Disks;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows.Naming;

/// <summary>The partition that a volume is, as Windows has it. Layouts: winioctl.h; little-endian.</summary>
/// <param name="IsGpt">Of a GPT; else of an MBR.</param>
/// <param name="StartBytes">From the beginning of the disk.</param>
/// <param name="Uuid">GPT: the partition's GUID.</param>
/// <param name="Type">GPT: the type GUID. MBR: "0x7".</param>
/// <param name="Label">GPT: the partition's name.</param>
internal sealed record WindowsPartition(bool IsGpt, long StartBytes, string? Uuid, string Type, string? Label)
{
    private const int InfoBytes = 144;
    private const int StartOffset = 8;
    private const int UnionOffset = 32;
    private const int GptIdOffset = 48;
    private const int GptNameOffset = 72;
    private const int GptNameBytes = 72;
    private const int GuidBytes = 16;
    private const int LayoutHeaderBytes = 48;
    private const int LayoutUnionOffset = 8;
    private const int MostLayoutPartitions = 256;
    private const int DeviceNumberBytes = 12;
    private const uint StyleMbr = 0;
    private const uint StyleGpt = 1;

    /// <summary>Null if the volume is not a partition or does not say (Wine). Needs no right to read.</summary>
    public static WindowsPartition? Of(IVolumeControl volume)
    {
        Span<byte> info = stackalloc byte[InfoBytes];
        info.Clear();
        return volume.Control(Kernel32.IOCTL_DISK_GET_PARTITION_INFO_EX, default, info, out _, out _) ? Read(info) : null;
    }

    /// <summary>Reads a PARTITION_INFORMATION_EX.</summary>
    internal static WindowsPartition? Read(ReadOnlySpan<byte> info)
    {
        long startBytes = BinaryPrimitives.ReadInt64LittleEndian(info.Slice(StartOffset));
        return BinaryPrimitives.ReadUInt32LittleEndian(info) switch
        {
            StyleMbr => new WindowsPartition(false, startBytes, null, "0x" + info[UnionOffset].ToString("x", CultureInfo.InvariantCulture), null),
            StyleGpt => new WindowsPartition(true, startBytes, ReadGuid(info.Slice(GptIdOffset)), ReadGuid(info.Slice(UnionOffset)),
                GuidPartitionTable.ReadName(info.Slice(GptNameOffset, GptNameBytes))),
            _ => null,
        };
    }

    /// <summary>The number of the disk that the volume lies on, as in \\.\PhysicalDrive0; null if it has none.</summary>
    public static uint? DiskNumberOf(IVolumeControl volume)
    {
        Span<byte> number = stackalloc byte[DeviceNumberBytes];
        return volume.Control(Kernel32.IOCTL_STORAGE_GET_DEVICE_NUMBER, default, number, out int returned, out _) && returned == DeviceNumberBytes
            ? BinaryPrimitives.ReadUInt32LittleEndian(number.Slice(sizeof(uint)))
            : null;
    }

    /// <summary>A disk's GUID (GPT) or signature in eight digits (MBR), from its DRIVE_LAYOUT_INFORMATION_EX; null: it has none.</summary>
    public static string? DiskIdOf(IVolumeControl disk)
    {
        byte[] layout = new byte[LayoutHeaderBytes + (MostLayoutPartitions * InfoBytes)];
        if (!disk.Control(Kernel32.IOCTL_DISK_GET_DRIVE_LAYOUT_EX, default, layout, out int returned, out _) || returned < LayoutHeaderBytes)
            return null;
        ReadOnlySpan<byte> details = layout.AsSpan(LayoutUnionOffset);
        switch (BinaryPrimitives.ReadUInt32LittleEndian(layout))
        {
            case StyleMbr:
                uint signature = BinaryPrimitives.ReadUInt32LittleEndian(details);
                return signature == 0 ? null : signature.ToString("x8", CultureInfo.InvariantCulture);
            case StyleGpt:
                return ReadGuid(details);
            default:
                return null;
        }
    }

    private static string ReadGuid(ReadOnlySpan<byte> bytes) => new Guid(bytes.Slice(0, GuidBytes).ToArray()).ToString("D");
}
