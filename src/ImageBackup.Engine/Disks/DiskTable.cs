using System;
using System.Collections.Generic;
using System.Linq;

namespace ImageBackup.Engine.Disks;

/// <summary>The kinds of partition tables that are read.</summary>
internal enum DiskTableKind
{
    /// <summary>A master boot record, with its chain of extended boot records.</summary>
    Mbr,

    /// <summary>A GUID partition table whose header is in the second sector.</summary>
    Gpt,

    /// <summary>The copy of a GUID partition table at the disk's end, if the one at its beginning is not the same.</summary>
    GptBackup,
}

/// <summary>A partition table that was found on a disk.</summary>
internal sealed record DiskTable
{
    public required DiskTableKind Kind { get; init; }

    /// <summary>A GPT or its copy; else an MBR.</summary>
    public bool IsGpt => Kind != DiskTableKind.Mbr;

    /// <summary>The bytes that make it a table, sorted: zeroed, it is not found again. The protective MBR and both headers of a GPT.</summary>
    public required IReadOnlyList<ByteRange> Marks { get; init; }

    /// <summary>In the table's order; those of an entry that makes no sense are left out and named in <see cref="Faults"/>.</summary>
    public required IReadOnlyList<DiskPartition> Partitions { get; init; }

    /// <summary>GPT: the disk's GUID. MBR: the disk signature, eight hex digits. Null if it is 0. Lower case.</summary>
    public string? DiskId { get; init; }

    /// <summary>Size of a sector by which the table counts, in bytes.</summary>
    public required int SectorSizeBytes { get; init; }

    /// <summary>Where the disk ends by the table, in bytes; null if it does not say (MBR). May lie behind the disk's end.</summary>
    public long? DiskEndBytes { get; init; }

    /// <summary>What is wrong with it, in words: a checksum, an entry outside of the disk, a circle of EBRs; empty if nothing is.</summary>
    public IReadOnlyList<string> Faults { get; init; } = Array.Empty<string>();

    /// <summary>
    /// Whether somebody may have data by this table: it has a partition, or it is damaged, so that it may have one.
    /// A table without an entry is not in use.
    /// </summary>
    public bool IsInUse => Partitions.Count > 0 || Faults.Count > 0;

    /// <summary>The partition that begins there; null if none does.</summary>
    /// <param name="startBytes">From the beginning of the disk.</param>
    public DiskPartition? PartitionAt(long startBytes) => Partitions.FirstOrDefault(partition => partition.Extent.OffsetBytes == startBytes);
}
