using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>One thing that a transaction changed: its kind, and its regions, the first of which says what the others are.</summary>
internal readonly struct XfsLogItem(ushort type, byte[][] regions, int first, int count)
{
    public ushort Type { get; } = type;

    /// <summary>At least one.</summary>
    public int RegionCount => count;

    /// <exception cref="FileSystemFormatException">The item has fewer regions.</exception>
    public byte[] Region(int index) =>
        (uint)index < (uint)count ? regions[first + index] : throw new FileSystemFormatException($"xfs: an item of the log has {count} regions, {index + 1} are needed");
}

/// <summary>
/// A committed transaction of the log: everything that one checkpoint of the running file system wrote ("XFS
/// Algorithms &amp; Data Structures", Log Operations and Log Items).
/// </summary>
/// <param name="Lsn">The place in the log at which it begins.</param>
/// <param name="Items">What it changed.</param>
internal sealed record XfsLogTransaction(ulong Lsn, IReadOnlyList<XfsLogItem> Items)
{
    private const ushort FirstType = 0x1236;
    private const ushort LastType = 0x124F;
    private const uint HeaderMagic = 0x5452414E; // TRAN
    private const int HeaderBytes = 16;
    private const int OperationHeaderBytes = 12;
    private const byte OperationStart = 0x1;
    private const byte OperationCommit = 0x2;
    private const byte OperationWasContinued = 0x8;
    private const byte OperationUnmount = 0x20;
    private const long MaxPendingBytes = 256L << 20;
    private const int MaxOpenCount = 1 << 16;
    private const int MaxRegionBytes = 1 << 20;

    /// <summary>What a region costs beside its bytes.</summary>
    private const int RegionOverheadBytes = 40;

    /// <summary>The transactions of a log in the order of their commits. What was not committed is not among them.</summary>
    /// <exception cref="FileSystemFormatException">The log is damaged or holds what is not known.</exception>
    public static IEnumerable<XfsLogTransaction> ReadAll(XfsLog log, CancellationToken cancellation)
    {
        var open = new Dictionary<uint, Open>();
        long pendingBytes = 0;
        foreach (XfsLog.Record record in log.ReadActive(cancellation))
        {
            int at = 0;
            for (uint i = 0; i < record.OperationCount; i++)
            {
                (uint id, byte flags, byte[] region) = ReadOperation(record.Body, ref at);
                if ((flags & OperationUnmount) != 0)
                    continue;
                if ((flags & OperationStart) != 0)
                {
                    if (open.TryGetValue(id, out Open? abandoned))
                        pendingBytes -= abandoned.PendingBytes;
                    open[id] = new Open(record.Lsn);
                    if (open.Count > MaxOpenCount)
                        throw new FileSystemFormatException("xfs: the log holds more open transactions than are read");
                }
                // The operations of a transaction whose start lies before the tail belong to what has been written.
                if (!open.TryGetValue(id, out Open? transaction))
                    continue;
                if ((flags & OperationCommit) != 0)
                {
                    open.Remove(id);
                    pendingBytes -= transaction.PendingBytes;
                    if (transaction.Regions.Count > 0)
                        yield return Commit(transaction);
                }
                else if (region.Length > 0)
                {
                    pendingBytes += region.Length + RegionOverheadBytes;
                    if (pendingBytes > MaxPendingBytes)
                        throw new FileSystemFormatException("xfs: the log holds larger transactions than are read");
                    transaction.Add(region, (flags & OperationWasContinued) != 0);
                }
            }
        }
    }

    private sealed class Open(ulong lsn)
    {
        public ulong Lsn { get; } = lsn;
        public List<byte[]> Regions { get; } = [];
        public long PendingBytes { get; private set; }

        public void Add(byte[] region, bool isContinued)
        {
            PendingBytes += region.Length + RegionOverheadBytes;
            if (!isContinued || Regions.Count == 0)
            {
                Regions.Add(region);
                return;
            }
            byte[] before = Regions[Regions.Count - 1];
            if (before.Length + region.Length > MaxRegionBytes)
                throw new FileSystemFormatException("xfs: a region of the log is longer than any item");
            Regions[Regions.Count - 1] = [.. before, .. region];
        }
    }

    private static (uint Id, byte Flags, byte[] Region) ReadOperation(byte[] body, ref int at)
    {
        var header = StructureBounds.Field(body, at, OperationHeaderBytes);
        uint length = BigEndian.UInt32(header, 4);
        if (length > (uint)body.Length)
            throw new FileSystemFormatException("xfs: a log operation is longer than its record");
        byte[] region = StructureBounds.Field(body, at + OperationHeaderBytes, (int)length).ToArray();
        at += OperationHeaderBytes + (int)length;
        return (BigEndian.UInt32(header, 0), header[9], region);
    }

    private static XfsLogTransaction Commit(Open transaction)
    {
        byte[][] regions = [.. transaction.Regions];
        // In the byte order of the machine that wrote it, as everything in an item: low byte first here.
        if (regions[0].Length < HeaderBytes || LittleEndian.UInt32(regions[0], 0) != HeaderMagic)
            throw new FileSystemFormatException("xfs: a transaction of the log has no header");
        var items = new List<XfsLogItem>();
        for (int at = 1; at < regions.Length;)
        {
            ushort type = LittleEndian.UInt16(regions[at], 0);
            int count = LittleEndian.UInt16(regions[at], 2);
            if (type is < FirstType or > LastType || count == 0 || count > regions.Length - at)
                throw new FileSystemFormatException($"xfs: the log holds an item of the unknown type 0x{type:x}");
            items.Add(new XfsLogItem(type, regions, at, count));
            at += count;
        }
        return new XfsLogTransaction(transaction.Lsn, items);
    }
}
