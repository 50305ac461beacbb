using System;
using System.Globalization;
using System.Management.Automation;
using ImageBackup.Engine.Pipeline;

namespace ImageBackup.Pipeline;

/// <summary>
/// A job's state as a progress record shows it. PowerShell shows a record in one line, and cuts what does not fit: the activity at half
/// of the width, the status at its end. So the volume's name gives way, and the figures stand in the order in which they matter:
/// volume, percent, rate, stored, and PowerShell's own time left.
/// </summary>
internal static class ProgressText
{
    /// <summary>The width of a console that does not tell it.</summary>
    public const int UsualWidthChars = 80;

    /// <summary>PowerShell makes no line longer, however wide the console is.</summary>
    private const int MaxWidthChars = 120;

    /// <summary>Brackets and blanks around the status, and the indentation below an overall record.</summary>
    private const int FrameChars = 10;
    private const int MinNameChars = 6;

    /// <param name="record">What is filled.</param>
    /// <param name="progress">The job's state.</param>
    /// <param name="activity">What is done, with the volume's name in it.</param>
    /// <param name="position">Which of how many it is; empty: it is the only one.</param>
    /// <param name="widthChars">The console's.</param>
    public static void Fill(ProgressRecord record, JobProgress progress, string activity, string position, int widthChars)
    {
        record.StatusDescription = Status(progress);
        record.CurrentOperation = Operation(progress);
        record.PercentComplete = progress.TotalBytes > 0 ? progress.Percent : -1;
        // Beyond a month the guess is worthless, and the field is a count of seconds.
        record.SecondsRemaining = progress.Remaining is { TotalDays: < 30 } remaining && progress.TotalBytes > 0
            ? (int)Math.Ceiling(remaining.TotalSeconds)
            : -1;
        int timeChars = record.SecondsRemaining < 0 ? 0 : record.SecondsRemaining.ToString(CultureInfo.InvariantCulture).Length + 3;
        int width = Math.Min(widthChars, MaxWidthChars);
        record.Activity = Activity(activity, progress.Volume, position, Math.Min(width / 2, width - FrameChars - timeChars - record.StatusDescription.Length));
    }

    /// <summary>Percent, rate and what was stored.</summary>
    public static string Status(JobProgress progress)
    {
        if (progress.TotalBytes <= 0)
            return Phase(progress);
        string text = $"{progress.Percent} %, {Size((long)progress.BytesPerSecond)}/s";
        return progress.StoredBytes > 0 ? $"{text}, {Size(progress.StoredBytes)} stored" : text;
    }

    /// <summary>The phase, and how far it is.</summary>
    private static string Operation(JobProgress progress) =>
        progress.TotalBytes > 0 ? $"{Phase(progress)} {Size(progress.DoneBytes)} of {Size(progress.TotalBytes)}" : Phase(progress);

    private static string Phase(JobProgress progress) => progress.Phase switch
    {
        JobPhase.Verifying => "Verifying",
        JobPhase.Finishing => "Finishing",
        JobPhase.Reading => "Reading",
        _ => "Copying",
    };

    /// <summary>What is done, to which volume: of a name that does not fit the end stays, and if that is too much, the verb goes.</summary>
    private static string Activity(string activity, string volume, string position, int roomChars)
    {
        string suffix = position.Length > 0 ? $" ({position})" : "";
        if (volume.Length == 0)
            return activity + suffix;
        string text = activity.Contains(volume) ? activity : $"{activity}: {volume}";
        int excess = text.Length + suffix.Length - roomChars;
        if (excess <= 0)
            return text + suffix;
        int keptChars = Math.Max(MinNameChars, volume.Length - excess);
        string name = keptChars >= volume.Length ? volume : $"\u2026{volume.Substring(volume.Length - keptChars + 1)}";
        string fitted = text.Replace(volume, name) + suffix;
        return fitted.Length <= roomChars ? fitted : name + suffix;
    }

    /// <summary>A size in binary units with one decimal: 1.5 GiB.</summary>
    public static string Size(long bytes) => ViewText.Scaled(bytes, "0.0", CultureInfo.InvariantCulture);
}
