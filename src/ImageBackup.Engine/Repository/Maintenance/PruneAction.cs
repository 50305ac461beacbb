namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>What becomes of an indexed pack.</summary>
internal enum PruneAction : byte
{
    /// <summary>Stays as it is, with all its entries in the index.</summary>
    Keep,

    /// <summary>Its used blobs go into new packs, then it is removed.</summary>
    Repack,

    /// <summary>Nothing in it is in use, or each has a copy elsewhere.</summary>
    Remove,

    /// <summary>It is not there, and it is not needed: only the index is to forget it.</summary>
    Forget,
}
