using System.Collections.Generic;

namespace ImageBackup.Engine.FileSystems.Signatures;

/// <summary>Something that says of itself that a volume is its own.</summary>
internal sealed record SignatureClaim
{
    /// <summary>blkid's name if it has one: ext4, swap, LVM2_member, crypto_LUKS ...; partition tables: dos, gpt, mac, bsd, sun, sgi.</summary>
    public required string Type { get; init; }
    public required SignatureRole Role { get; init; }

    /// <summary>
    /// The bytes by which it is known, at all the places where it keeps them, sorted by offset, never empty. If all are zeroed a
    /// scan does not find the claim again.
    /// </summary>
    public required IReadOnlyList<ByteRange> Marks { get; init; }

    /// <summary>
    /// Whether data may be read by it. False for what bears a mark and holds nothing: a partition table without an entry, the copy of a
    /// GPT behind another one.
    /// </summary>
    public bool IsClaimant { get; init; } = true;

    /// <summary>Size that the claimant gives itself, in bytes, from the volume's beginning; null if it does not say.</summary>
    public long? SizeBytes { get; init; }
    public string? Uuid { get; init; }
    public string? Label { get; init; }

    /// <summary>What else there is to say, in words: how many partitions, a damage; null if there is nothing.</summary>
    public string? Remark { get; init; }

    /// <summary>Who maps it; null for partition tables.</summary>
    public IFileSystemReader? Reader { get; init; }

    /// <summary>What its reader says; null for partition tables.</summary>
    public FileSystemDescription? Description { get; init; }

    /// <summary>The first mark's offset in bytes.</summary>
    public long OffsetBytes => Marks[0].OffsetBytes;

    /// <summary>"ext4 at offset 1080 (LABEL=root UUID=...)", for a message.</summary>
    public override string ToString()
    {
        var facts = new List<string>();
        if (Label is not null)
            facts.Add($"LABEL={Label}");
        if (Uuid is not null)
            facts.Add($"UUID={Uuid}");
        if (SizeBytes is { } size)
            facts.Add($"{size} bytes");
        if (Remark is not null)
            facts.Add(Remark);
        return $"{Type} at offset {OffsetBytes}" + (facts.Count == 0 ? "" : $" ({string.Join(", ", facts)})");
    }
}
