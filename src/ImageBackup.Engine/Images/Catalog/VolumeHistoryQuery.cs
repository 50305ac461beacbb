namespace ImageBackup.Engine.Images.Catalog;

/// <summary>Which volume's images are looked for.</summary>
/// <param name="ComputerName">The computer that the images are filed under.</param>
/// <param name="VolumeName">The volume's name now: old images are filed under names.</param>
/// <param name="Identity">Which volume it is.</param>
/// <param name="HasTwins">Other volumes of the machine have the same identity: a clone has a history of its own.</param>
internal sealed record VolumeHistoryQuery(string ComputerName, string VolumeName, VolumeIdentity Identity, bool HasTwins)
{
    /// <summary>The chunk size that was asked for; null: the newest image's.</summary>
    public int? ChunkSizeBytes { get; init; }
}
