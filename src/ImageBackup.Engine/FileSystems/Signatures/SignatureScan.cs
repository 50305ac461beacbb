using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Disks;

namespace ImageBackup.Engine.FileSystems.Signatures;

/// <summary>
/// Finds everything that claims a volume, not only the first: remains of an earlier formatting look like the current content, and
/// the bytes do not say which is which.
/// </summary>
internal static class SignatureScan
{
    /// <summary>
    /// All claims, in the order in which the catalog asks its readers, partition tables last. Reads a few hundred KiB at the volume's
    /// beginning and end, and what the readers' probes read. Never an exception for bad bytes.
    /// </summary>
    /// <param name="volume">What is looked at.</param>
    /// <param name="unread">
    /// Gets what could not be read, and the scan goes on without what would have been found there; null: the first failure ends it. A
    /// source that is gone as a whole always ends it.
    /// </param>
    /// <exception cref="BlockReadException">The volume could not be read.</exception>
    public static IReadOnlyList<SignatureClaim> Find(IBlockReader volume, ICollection<BlockReadException>? unread = null)
    {
        var claims = new List<SignatureClaim>();
        foreach (IFileSystemReader reader in FileSystemCatalog.Readers)
        {
            claims.AddRange(Read(() => reader is NamedReader
                ? [.. NamedClaims.Find(volume).Select(found => Claim(found.Role, found.Description, reader))]
                : reader.Probe(volume) is { } description ? [Claim(RoleOf(description), description, reader)]
                : Array.Empty<SignatureClaim>(), unread));
        }
        // BitLocker To Go and Windows 7's BitLocker wear a FAT boot sector: one owner of one sector.
        if (claims.Exists(static claim => claim.Type == "BitLocker"))
            claims.RemoveAll(static claim => claim.Type == "vfat");
        claims.AddRange(Read(() => [.. DiskTables.Find(volume).Select(Claim)], unread));
        MarkStaleCopy(claims);
        return claims;
    }

    /// <summary>The claims by which data may be read; more than one is a conflict.</summary>
    /// <exception cref="BlockReadException">The volume could not be read.</exception>
    public static IReadOnlyList<SignatureClaim> FindClaimants(IBlockReader volume, ICollection<BlockReadException>? unread = null) =>
        [.. Find(volume, unread).Where(static claim => claim.IsClaimant)];

    /// <summary>The claimants with their offsets, joined for a message: "ext4 at offset 1080 and dos at offset 446 (2 partitions)".</summary>
    public static string Describe(IEnumerable<SignatureClaim> claims) => string.Join(" and ", claims);

    private static SignatureClaim[] Read(Func<SignatureClaim[]> find, ICollection<BlockReadException>? unread)
    {
        try
        {
            return find();
        }
        catch (BlockReadException failure) when (unread is not null && !failure.IsGone)
        {
            unread.Add(failure);
            return [];
        }
    }

    private static SignatureClaim Claim(SignatureRole role, FileSystemDescription description, IFileSystemReader? reader) => new()
    {
        Type = description.Type,
        Role = role,
        Marks = description.Marks,
        SizeBytes = description.SizeBytes,
        Uuid = description.Uuid,
        Label = description.Label,
        Reader = role == SignatureRole.PartitionTable ? null : reader,
        Description = role == SignatureRole.PartitionTable ? null : description,
    };

    private static SignatureClaim Claim(DiskTable table)
    {
        var remarks = new List<string>();
        if (table.Kind == DiskTableKind.GptBackup)
            remarks.Add("the copy at the end");
        if (table.Partitions.Count > 0)
            remarks.Add(table.Partitions.Count == 1 ? "1 partition" : string.Format(CultureInfo.InvariantCulture, "{0} partitions", table.Partitions.Count));
        remarks.AddRange(table.Faults.Take(3));
        return new SignatureClaim
        {
            Type = table.Kind == DiskTableKind.Mbr ? "dos" : "gpt",
            Role = SignatureRole.PartitionTable,
            Marks = table.Marks,
            IsClaimant = table.IsInUse,
            SizeBytes = table.DiskEndBytes,
            Uuid = table.DiskId,
            Remark = remarks.Count == 0 ? "no partitions" : string.Join(", ", remarks),
        };
    }

    /// <summary>Nobody reads the copy of a GPT while there is one at the beginning.</summary>
    private static void MarkStaleCopy(List<SignatureClaim> claims)
    {
        int first = claims.FindIndex(static claim => claim.Type == "gpt" && claim.IsClaimant);
        for (int i = first + 1; first >= 0 && i < claims.Count; i++)
        {
            if (claims[i].Type == "gpt")
                claims[i] = claims[i] with { IsClaimant = false };
        }
    }

    private static SignatureRole RoleOf(FileSystemDescription description) =>
        description.IsEncrypted ? SignatureRole.Encrypted
        : description.Type is "swap" or "swsuspend" ? SignatureRole.Swap
        : SignatureRole.FileSystem;
}
