namespace ImageBackup.Engine.Images.Catalog;

/// <summary>The images of one volume so far.</summary>
/// <param name="VolumeId">The id under which its images are filed.</param>
/// <param name="Newest">The newest of them; null: there is none, or it cannot be read.</param>
internal sealed record VolumeHistory(string VolumeId, PreviousImage? Newest)
{
    /// <summary>The one whose chunk tags are of use: the newest, or if it has another chunk size than the one that was asked for, one before it.</summary>
    public PreviousImage? Parent { get; init; } = Newest;
}
