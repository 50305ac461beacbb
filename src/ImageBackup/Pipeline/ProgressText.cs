using System;
using System.Globalization;
using System.Management.Automation;
using ImageBackup.Engine.Pipeline;

namespace ImageBackup.Pipeline;

/// <summary>A job's state as a progress record shows it.</summary>
internal static class ProgressText
{
    public static void Fill(ProgressRecord record, JobProgress progress)
    {
        record.StatusDescription = Status(progress);
        record.PercentComplete = progress.TotalBytes > 0 ? progress.Percent : -1;
        // Beyond a day the guess is worthless, and the field is a count of seconds.
        record.SecondsRemaining = progress.Remaining is { TotalDays: < 30 } remaining && progress.TotalBytes > 0
            ? (int)Math.Ceiling(remaining.TotalSeconds)
            : -1;
    }

    public static string Status(JobProgress progress)
    {
        string phase = progress.Phase switch
        {
            JobPhase.Verifying => "Verifying",
            JobPhase.Finishing => "Finishing",
            JobPhase.Reading => "Reading",
            _ => "Copying",
        };
        string subject = progress.Volume.Length > 0 ? progress.Volume + ": " : "";
        if (progress.TotalBytes <= 0)
            return subject + phase;
        string text = $"{subject}{phase} {Size(progress.DoneBytes)} of {Size(progress.TotalBytes)}, {Size((long)progress.BytesPerSecond)}/s";
        return progress.StoredBytes > 0 ? $"{text}, {Size(progress.StoredBytes)} stored" : text;
    }

    /// <summary>A size in binary units with one decimal: 1.5 GiB.</summary>
    public static string Size(long bytes) => ViewText.Scaled(bytes, "0.0", CultureInfo.InvariantCulture);
}
