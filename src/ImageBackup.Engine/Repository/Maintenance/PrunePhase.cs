namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>What a removal of unused data is doing, and what its progress counts.</summary>
internal enum PrunePhase
{
    /// <summary>Finding out what is in use: snapshot records.</summary>
    Marking,

    /// <summary>Writing the used part of packs again: bytes.</summary>
    Copying,

    /// <summary>Removing packs: files.</summary>
    Removing,
}
