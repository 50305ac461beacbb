namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>Whether something can be used, and why not.</summary>
/// <param name="WhyNot">Null if it can. Else a sentence's part, as in "..., because {WhyNot}".</param>
internal sealed record SnapshotSupport(string? WhyNot)
{
    /// <summary>How it would be used, for people: a sentence's part; null: there is one way only.</summary>
    public string? Detail { get; init; }

    public static SnapshotSupport Usable { get; } = new((string?)null);

    public bool IsUsable => WhyNot is null;
}
