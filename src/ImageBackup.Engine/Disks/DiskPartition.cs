namespace ImageBackup.Engine.Disks;

/// <summary>One partition as the disk's own table has it. Offsets and lengths in bytes from the beginning of the disk.</summary>
internal sealed record DiskPartition
{
    /// <summary>As Linux numbers them: the entry's place in the table from 1 on; the logical ones of an MBR from 5 on.</summary>
    public required int Number { get; init; }

    /// <summary>Where it lies; inside the disk.</summary>
    public required ByteRange Extent { get; init; }

    /// <summary>GPT: the entry's GUID. MBR: disk signature and number, "1234abcd-01". Lower case.</summary>
    public required string Uuid { get; init; }

    /// <summary>GPT: the type GUID, lower case. MBR: "0x83".</summary>
    public required string Type { get; init; }

    /// <summary>GPT only; null if the entry has no name.</summary>
    public string? Name { get; init; }

    /// <summary>An MBR's container of logical partitions: it holds no data but their records (EBR).</summary>
    public bool IsExtended { get; init; }

    /// <summary>Inside an extended partition.</summary>
    public bool IsLogical { get; init; }
}
