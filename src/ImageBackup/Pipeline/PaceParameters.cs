using System.Collections.Generic;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Pipeline;

/// <summary>What -Priority, -LimitRead and -LimitWrite of a command mean.</summary>
internal static class PaceParameters
{
    /// <summary>Slower than a chunk in a minute would hold locks and snapshots for weeks.</summary>
    public const long LeastBytesPerSecond = 64 << 10;

    /// <summary>For a command's whole work; null: as fast as it goes.</summary>
    /// <param name="priority">Null: normal.</param>
    /// <param name="readBytes">Bytes a second; null: no limit.</param>
    /// <param name="writeBytes">Bytes a second; null: no limit.</param>
    public static WorkPace? PaceOf(JobPriority? priority, long? readBytes, long? writeBytes) =>
        priority is null or JobPriority.Normal && readBytes is null && writeBytes is null ? null : new WorkPace(
            readBytes is { } read ? new RateLimit(read) : null,
            writeBytes is { } write ? new RateLimit(write) : null,
            priority == JobPriority.Background);

    /// <summary>A clause with a comma before it, for what -Confirm asks and -WhatIf shows; empty if there is nothing to say.</summary>
    public static string Describe(JobPriority? priority, long? readBytes, long? writeBytes)
    {
        var parts = new List<string>();
        if (priority == JobPriority.Background)
            parts.Add("giving way to other programs");
        if (readBytes is { } read)
            parts.Add($"reading at most {ProgressText.Size(read)} a second");
        if (writeBytes is { } write)
            parts.Add($"writing at most {ProgressText.Size(write)} a second");
        return parts.Count == 0 ? "" : ", " + string.Join(", ", parts);
    }
}
