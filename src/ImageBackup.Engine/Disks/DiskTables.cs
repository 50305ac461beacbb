using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Disks;

/// <summary>All partition tables that a disk bears.</summary>
/// <remarks>
/// Contract: any thread; only <see cref="IBlockReader.ReadAt"/> is used. The bytes are hostile: counts are bounded before they are
/// used, chains end, and the only exception is <see cref="BlockReadException"/>, passed on from the reader.
/// </remarks>
internal static class DiskTables
{
    /// <summary>
    /// The tables, those without an entry too; none if there is none. If a GPT stands behind a protective MBR the two are one
    /// table. More than one means that some are left over from an earlier use.
    /// </summary>
    /// <exception cref="BlockReadException">The disk could not be read.</exception>
    public static IReadOnlyList<DiskTable> Find(IBlockReader disk)
    {
        var tables = new List<DiskTable>();
        tables.AddRange(GuidPartitionTable.Read(disk));
        if (MasterBootRecord.Read(disk) is { } mbr)
            tables.Add(mbr);
        return tables;
    }

    /// <summary>
    /// The table that the kernel numbers partitions by: the GPT or its copy if the first sector has a protective MBR, else the
    /// MBR if it has a partition. Null: none.
    /// </summary>
    /// <remarks>Linux <c>block/partitions/efi.c</c>: a GPT without a protective MBR is not believed.</remarks>
    /// <exception cref="BlockReadException">The disk could not be read.</exception>
    public static DiskTable? InForce(IBlockReader disk)
    {
        if (MasterBootRecord.Read(disk) is { } mbr)
            return mbr.Partitions.Count > 0 ? mbr : null;
        if (!MasterBootRecord.IsProtective(disk))
            return null;
        DiskTable? first = null;
        foreach (DiskTable table in GuidPartitionTable.Read(disk))
        {
            if (table.Partitions.Count > 0)
                return table;
            first ??= table;
        }
        return first;
    }
}
