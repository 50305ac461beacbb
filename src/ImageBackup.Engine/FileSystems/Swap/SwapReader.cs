using System;
using System.Globalization;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Compat;

namespace ImageBackup.Engine.FileSystems.Swap;

/// <summary>
/// Linux swap areas of version 1 (mkswap(8), the kernel's union swap_header): only the first page means anything
/// once the machine is off. An area that holds a hibernated system is all used.
/// </summary>
internal sealed class SwapReader : IFileSystemReader
{
    private const int SignatureLengthBytes = 10;
    private const int HeaderOffset = 1024;
    private const int PaddingOffset = HeaderOffset + 44;
    private const int BadPagesOffset = HeaderOffset + 512;
    private const int MaxPageSizeBytes = 64 * 1024;

    private static readonly string[] s_hibernated = ["S1SUSPEND", "S2SUSPEND", "ULSUSPEND", "LINHIB0001"];

    /// <summary>The version tells the byte order, the signature's place the page size.</summary>
    private readonly record struct Header(int PageSizeBytes, bool IsHibernated, bool IsBigEndian, byte[] Page)
    {
        public uint Field(int offset) => IsBigEndian ? BigEndian.UInt32(Page, offset) : LittleEndian.UInt32(Page, offset);
    }

    public FileSystemDescription? Probe(IBlockReader volume)
    {
        if (Find(volume) is not { } header)
            return null;
        return new FileSystemDescription
        {
            Type = header.IsHibernated ? "swsuspend" : "swap",
            Label = header.IsHibernated ? null : VolumeStructures.Utf8Label(header.Page.AsSpan(HeaderOffset + 28, 16)),
            Uuid = header.IsHibernated ? null : VolumeStructures.Uuid(header.Page.AsSpan(HeaderOffset + 12, 16)),
            Marks = [new ByteRange(header.PageSizeBytes - SignatureLengthBytes, SignatureLengthBytes)],
            Version = header.Field(HeaderOffset).ToString(CultureInfo.InvariantCulture),
            SizeBytes = (header.Field(HeaderOffset + 4) + 1L) * header.PageSizeBytes,
            ClusterSizeBytes = header.PageSizeBytes,
            UsedBytes = header.IsHibernated ? null : header.PageSizeBytes,
        };
    }

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation)
    {
        if (Find(volume) is not { } header)
            throw new FileSystemFormatException("swap: no header");
        if (header.IsHibernated)
            throw new FileSystemFormatException("swap: the area holds a hibernated system: copied whole");
        long pageCount = header.Field(HeaderOffset + 4) + 1L;
        if (header.Field(HeaderOffset) != 1 || pageCount < 2 || pageCount > volume.LengthBytes / header.PageSizeBytes)
            throw new FileSystemFormatException($"swap: {pageCount} pages of {header.PageSizeBytes} bytes do not fit the volume, or the version is not 1");
        // mkswap clears it: anything there is left from, or belongs to, something else.
        if (!ZeroCheck.IsZero(header.Page.AsSpan(PaddingOffset, BadPagesOffset - PaddingOffset)))
            throw new FileSystemFormatException("swap: the header has bytes that must be zero and are not");
        var builder = new UsedRangeBuilder(volume.LengthBytes, header.PageSizeBytes);
        builder.Free(header.PageSizeBytes, (pageCount - 1) * header.PageSizeBytes);
        return builder.Build();
    }

    private static Header? Find(IBlockReader volume)
    {
        byte[]? start = volume.TryRead(0, (int)Math.Min(MaxPageSizeBytes, volume.LengthBytes));
        if (start is null)
            return null;
        for (int pageSize = 4096; pageSize <= start.Length; pageSize *= 2)
        {
            string signature = Encoding.ASCII.GetString(start, pageSize - SignatureLengthBytes, SignatureLengthBytes).TrimEnd('\0');
            bool isHibernated = Array.IndexOf(s_hibernated, signature) >= 0;
            if (isHibernated || signature == "SWAPSPACE2")
            {
                bool isBigEndian = BigEndian.UInt32(start, HeaderOffset) == 1;
                return new Header(pageSize, isHibernated, isBigEndian, start.AsSpan(0, pageSize).ToArray());
            }
        }
        return null;
    }
}
