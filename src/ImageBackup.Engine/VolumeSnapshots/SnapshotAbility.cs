namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>Whether something can be used, and why not.</summary>
/// <param name="WhyNot">Null where it can. Else a sentence's part, as in "..., because {WhyNot}".</param>
internal sealed record SnapshotAbility(string? WhyNot)
{
    public static SnapshotAbility Usable { get; } = new((string?)null);

    public bool IsUsable => WhyNot is null;
}
