using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>What a repair found and did (or would do). Everything that it lists is done when it returns.</summary>
public sealed record RepositoryRepairResult
{
    public required string Repository { get; init; }

    /// <summary>True if nothing was written: it was asked for the plan only.</summary>
    public required bool IsPlan { get; init; }

    /// <summary>False if there was nothing to do.</summary>
    public required bool WasNeeded { get; init; }
    public required int PackCount { get; init; }

    /// <summary>Packs that no index listed and that are listed now.</summary>
    public required int AdoptedPackCount { get; init; }

    /// <summary>Packs that an index listed and that are gone.</summary>
    public required int MissingPackCount { get; init; }

    /// <summary>Packs that were torn or corrupt; what was whole in them lies in new packs.</summary>
    public required int DamagedPackCount { get; init; }

    /// <summary>Of those, packs that the disk could not read: they stay where they are, unlisted.</summary>
    public required int UnreadablePackCount { get; init; }

    /// <summary>Blobs that were saved out of damaged packs.</summary>
    public required long SalvagedBlobCount { get; init; }

    /// <summary>Blobs that are lost. A chunk among them is stored again by the next backup of a volume that still has it.</summary>
    public required long LostBlobCount { get; init; }

    /// <summary>Index files that could not be used.</summary>
    public required int DamagedIndexCount { get; init; }

    /// <summary>Snapshot records that cannot be read and were removed, because that was asked for: their names.</summary>
    public required IReadOnlyList<string> RemovedSnapshots { get; init => field = JoinedList.Of(value); }

    /// <summary>The files that were not understood and left as they are: snapshot records, and packs that are whole but whose header cannot be parsed.</summary>
    public required IReadOnlyList<UnreadableFile> UnreadableFiles { get; init => field = JoinedList.Of(value); }

    /// <summary>Images that are not whole after the repair.</summary>
    public required IReadOnlyList<DamagedImage> DamagedImages { get; init => field = JoinedList.Of(value); }
    public required TimeSpan Duration { get; init; }

    /// <summary>The repository, and what came of the repair.</summary>
    public override string ToString() => DisplayText.Line($"{Repository}: {(!WasNeeded ? "no repair needed" : IsPlan ? "repair needed" : "repaired")}");
}
