namespace ImageBackup.Engine.FileSystems.Signatures;

/// <summary>What the bearer of a signature is.</summary>
internal enum SignatureRole
{
    FileSystem,
    Swap,

    /// <summary>A part of something larger: a volume manager's physical volume, a RAID member, a cache device.</summary>
    Member,

    /// <summary>Ciphertext: LUKS, BitLocker.</summary>
    Encrypted,
    PartitionTable,
}
