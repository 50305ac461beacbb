using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Engine.Pipeline;

namespace ImageBackup.Pipeline;

/// <summary>
/// The progress of a command over all its volumes or images, above the record of each. Percent and time left are told
/// if everything that is to come is known: the elements of a parameter are, the objects of a pipeline are not.
/// Pipeline thread only.
/// </summary>
internal sealed class OverallProgress(int activityId)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly List<long?> _expectedBytes = [];
    private int _startedCount;
    private long _finishedBytes;

    public int ActivityId { get; } = activityId;

    /// <summary>Objects come one by one: their count is not known.</summary>
    public bool IsOpen { get; init; }

    /// <summary>One record says enough about a single volume.</summary>
    public bool IsShown => Math.Max(_expectedBytes.Count, _startedCount) > 1;

    /// <summary>Which one of how many is being worked on: "2 of 5", or "2" if the count is not known.</summary>
    public string Position => IsOpen ? $"{_startedCount}" : $"{_startedCount} of {_expectedBytes.Count}";

    /// <param name="bytes">Used bytes of one thing to come; null: not known.</param>
    public void Expect(long? bytes) => _expectedBytes.Add(bytes);

    public void Start() => _startedCount++;

    public void Finish(JobProgress? last) => _finishedBytes += last?.TotalBytes ?? 0;

    public void Fill(ProgressRecord record, JobProgress? current)
    {
        long doneBytes = _finishedBytes + (current?.DoneBytes ?? 0);
        double bytesPerSecond = _clock.Elapsed.TotalSeconds > 0 ? doneBytes / _clock.Elapsed.TotalSeconds : 0;
        record.StatusDescription = $"{Position}, {ProgressText.Size(doneBytes)}, {ProgressText.Size((long)bytesPerSecond)}/s";
        record.PercentComplete = -1;
        record.SecondsRemaining = -1;
        if (IsOpen || _expectedBytes.Count == 0)
            return;
        // A thing that has started knows its bytes better than the guess before it.
        long? comingBytes = _expectedBytes.Skip(_startedCount).Aggregate((long?)0, (sum, bytes) => sum + bytes);
        if (comingBytes is { } coming)
        {
            long totalBytes = _finishedBytes + (current?.TotalBytes ?? 0) + coming;
            if (totalBytes <= 0)
                return;
            record.PercentComplete = (int)Math.Min(100, doneBytes * 100.0 / totalBytes);
            if (bytesPerSecond > 0 && (totalBytes - doneBytes) / bytesPerSecond is var seconds and < 30 * 86400)
                record.SecondsRemaining = (int)Math.Ceiling(seconds);
            return;
        }
        double finished = Math.Max(0, _startedCount - 1) + ((current?.Percent ?? 0) / 100.0);
        record.PercentComplete = (int)Math.Min(100, finished * 100 / _expectedBytes.Count);
    }
}
