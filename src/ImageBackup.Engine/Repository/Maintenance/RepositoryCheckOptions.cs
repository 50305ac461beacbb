namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>What a check of a repository looks at.</summary>
internal sealed record RepositoryCheckOptions
{
    /// <summary>Reads and proves packs, not only the structure.</summary>
    public bool ReadData { get; init; }

    /// <summary>
    /// With <see cref="ReadData"/>: the share of all packs' bytes to read, in percent, above 0 and up to 100. Packs are taken
    /// in the order of their names, beginning after <see cref="SampleAfter"/>, and the end goes on at the beginning: runs
    /// that hand on <see cref="RepositoryCheckResult.SampleEnd"/> cover everything.
    /// </summary>
    public double SamplePercent { get; init; } = 100;

    /// <summary>
    /// With <see cref="ReadData"/>: so many bytes of packs are read instead of a share of them, at least one pack; null: the share.
    /// </summary>
    public long? SampleBytes { get; init; }

    /// <summary>The name of the last pack that the run before has read; null: from the beginning.</summary>
    public string? SampleAfter { get; init; }
}
