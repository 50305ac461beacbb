using System;
using System.Buffers.Binary;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows.Naming;

/// <summary>
/// What an open volume says of its size and sectors. Layouts: winioctl.h and ntddstor.h; all little-endian.
/// </summary>
internal static class VolumeGeometry
{
    private const int DefaultSectorBytes = 512;
    private const int MostSectorBytes = 1 << 16;
    private const int GeometryBytes = 24;
    private const int GeometrySectorOffset = 20;
    private const int AlignmentPropertyId = 6;
    private const int AlignmentBytes = 28;
    private const int AlignmentPhysicalOffset = 20;
    private const int ExtentsHeaderBytes = 8;
    private const int ExtentBytes = 24;
    private const int ExtentLengthOffset = 16;
    private const int MostExtents = 32;

    /// <summary>Logical sector in bytes; needs no right to read.</summary>
    public static int? SectorSize(WindowsHandle volume)
    {
        Span<byte> geometry = stackalloc byte[GeometryBytes];
        return volume.Control(Kernel32.IOCTL_DISK_GET_DRIVE_GEOMETRY, geometry, out _)
            ? Usable(BinaryPrimitives.ReadInt32LittleEndian(geometry.Slice(GeometrySectorOffset)))
            : null;
    }

    /// <summary>Physical sector in bytes (STORAGE_ACCESS_ALIGNMENT_DESCRIPTOR); needs no right to read.</summary>
    public static int? PhysicalSectorSize(WindowsHandle volume)
    {
        Span<byte> query = stackalloc byte[12];
        query.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(query, AlignmentPropertyId);
        Span<byte> alignment = stackalloc byte[AlignmentBytes];
        return volume.Control(Kernel32.IOCTL_STORAGE_QUERY_PROPERTY, query, alignment, out int returned, out _) && returned == AlignmentBytes
            ? Usable(BinaryPrimitives.ReadInt32LittleEndian(alignment.Slice(AlignmentPhysicalOffset)))
            : null;
    }

    /// <summary>Length in bytes as the volume tells it; needs the right to read. Null if it does not (Wine, some snapshots).</summary>
    public static long? ToldLength(WindowsHandle volume)
    {
        Span<byte> length = stackalloc byte[sizeof(long)];
        return volume.Control(Kernel32.IOCTL_DISK_GET_LENGTH_INFO, length, out _)
            && BinaryPrimitives.ReadInt64LittleEndian(length) is var bytes and >= 0
                ? bytes
                : null;
    }

    /// <summary>Length of a volume that lies on one disk in one piece; needs no right to read.</summary>
    public static long? ExtentLength(WindowsHandle volume)
    {
        Span<byte> extents = stackalloc byte[ExtentsHeaderBytes + ExtentBytes];
        return volume.Control(Kernel32.IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS, extents, out _)
            && BinaryPrimitives.ReadInt32LittleEndian(extents) == 1
                ? BinaryPrimitives.ReadInt64LittleEndian(extents.Slice(ExtentsHeaderBytes + ExtentLengthOffset))
                : null;
    }

    /// <summary>
    /// Which disks the volume lies on, and where, in words; needs no right to read. Null if it does not tell (Wine), or if it lies on more
    /// disks than fit.
    /// </summary>
    public static string? Extents(IVolumeControl volume)
    {
        Span<byte> extents = stackalloc byte[ExtentsHeaderBytes + MostExtents * ExtentBytes];
        if (!volume.Control(Kernel32.IOCTL_VOLUME_GET_VOLUME_DISK_EXTENTS, default, extents, out int returned, out _) || returned < ExtentsHeaderBytes)
            return null;
        int count = BinaryPrimitives.ReadInt32LittleEndian(extents);
        if (count is < 1 or > MostExtents || returned < ExtentsHeaderBytes + count * ExtentBytes)
            return null;
        var text = new System.Text.StringBuilder();
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> extent = extents.Slice(ExtentsHeaderBytes + i * ExtentBytes, ExtentBytes);
            text.Append(i == 0 ? "" : ", ").Append(FormattableString.Invariant(
                $"disk {BinaryPrimitives.ReadInt32LittleEndian(extent)} from {BinaryPrimitives.ReadInt64LittleEndian(extent.Slice(8))}, {BinaryPrimitives.ReadInt64LittleEndian(extent.Slice(ExtentLengthOffset))} bytes"));
        }
        return text.ToString();
    }

    /// <summary>
    /// Finds the length by reading: doubles until a sector cannot be read, then halves. About a hundred reads of
    /// one sector; a bad sector that is hit is taken for the end, so this is only for volumes that do not tell.
    /// </summary>
    /// <exception cref="BlockReadException">Not even the first sector can be read.</exception>
    public static long ProbedLength(WindowsHandle volume, string name, int sectorBytes)
    {
        byte[] sector = new byte[sectorBytes];
        bool CanRead(long number) => volume.Read(number * sectorBytes, sector, out _) == sectorBytes;

        if (!CanRead(0))
        {
            volume.Read(0, sector, out int error);
            throw WindowsError.Read(error, name, 0, sectorBytes);
        }
        long readable = 0;
        long unreadable = 1;
        long most = long.MaxValue / sectorBytes;
        while (unreadable < most / 2 && CanRead(unreadable))
        {
            readable = unreadable;
            unreadable *= 2;
        }
        while (unreadable - readable > 1)
        {
            long middle = readable + ((unreadable - readable) / 2);
            if (CanRead(middle))
                readable = middle;
            else
                unreadable = middle;
        }
        return unreadable * sectorBytes;
    }

    private static int? Usable(int sectorBytes) =>
        sectorBytes is >= DefaultSectorBytes and <= MostSectorBytes && (sectorBytes & (sectorBytes - 1)) == 0 ? sectorBytes : null;
}
