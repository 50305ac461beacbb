using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Signatures;
using ImageBackup.Engine.FileSystems.Usage;
using ImageBackup.Engine.Planning;

namespace ImageBackup.Engine.Restore;

/// <summary>What is on a target now: what a restore would destroy, in words.</summary>
internal sealed record TargetContent
{
    private readonly IReadOnlyList<SignatureClaim> _claims;

    private TargetContent(IReadOnlyList<SignatureClaim> claims, IReadOnlyList<UsageSign> signs)
    {
        _claims = claims;
        Signs = signs;
    }

    /// <summary>Nothing is known of it: it could not be read.</summary>
    public static TargetContent Unread { get; } = new([], []);

    public IReadOnlyList<UsageSign> Signs { get; }

    public static TargetContent Read(IBlockReader target)
    {
        try
        {
            return new TargetContent(SignatureScan.FindClaimants(target), UseElsewhere.Read(target));
        }
        catch (BlockReadException)
        {
            // A bad disk may still be written; if not, that is an error of its own.
            return Unread;
        }
    }

    /// <summary>All that is recognised, as a clause: "ext4 'data' (UUID ..., last mounted 2026-11-20 10:00:00 at /srv)".</summary>
    public string Describe() => ReferenceEquals(this, Unread) ? "its content (which could not be read)"
        : _claims.Count == 0 ? "its content (which is not recognised)"
        : string.Join(" and ", _claims.Select(Describe));

    /// <summary>
    /// Content that may be in use although no program uses it now, and content that is more than one file system: members of volume groups, arrays and pools,
    /// ciphertext, tables with partitions. Each as a clause.
    /// </summary>
    /// <param name="own">What the image itself holds, if the target may have it from an earlier attempt; null: all counts.</param>
    public IReadOnlyList<string> Valuables(TargetContent? own) =>
    [
        .. _claims.Where(claim => claim.Role is SignatureRole.Member or SignatureRole.Encrypted or SignatureRole.PartitionTable)
            .Where(claim => own?._claims.Any(other => IsSame(claim, other)) != true).Select(Describe),
    ];

    private static bool IsSame(SignatureClaim one, SignatureClaim other) =>
        (one.Type, one.Uuid, one.Label, one.SizeBytes, one.OffsetBytes) == (other.Type, other.Uuid, other.Label, other.SizeBytes, other.OffsetBytes);

    private string Describe(SignatureClaim claim)
    {
        var facts = new List<string>();
        if (claim.Uuid is not null)
            facts.Add("UUID " + claim.Uuid);
        if (claim.Remark is not null)
            facts.Add(claim.Remark);
        if (Signs.FirstOrDefault(sign => sign.Type == claim.Type) is { LastMountedTime: { } time } sign)
        {
            string last = "last mounted " + time.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
            facts.Add(sign.LastMountPoint is { } point ? $"{last} at {point}" : last);
        }
        return NameOf(claim) + (claim.Label is { } label ? $" '{label}'" : "") + (facts.Count == 0 ? "" : $" ({string.Join(", ", facts)})");
    }

    private static string NameOf(SignatureClaim claim) => claim.Type switch
    {
        "LVM2_member" or "LVM1_member" => "an LVM physical volume",
        "linux_raid_member" => "a member of a Linux software RAID",
        "zfs_member" => "a member of a ZFS pool",
        "crypto_LUKS" => "a LUKS volume",
        "BitLocker" => "a BitLocker volume",
        "dos" => "a partition table (MBR)",
        "gpt" => "a partition table (GPT)",
        _ when claim.Role == SignatureRole.PartitionTable => $"a partition table ({claim.Type})",
        _ when claim.Role == SignatureRole.Member => $"a member ({claim.Type})",
        _ when claim.Role == SignatureRole.Encrypted => $"an encrypted volume ({claim.Type})",
        _ => claim.Type,
    };
}
