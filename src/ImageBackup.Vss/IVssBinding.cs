using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Vss;

/// <summary>A way to speak to VSS. Any thread; nothing is cached that could be out of date.</summary>
internal interface IVssBinding
{
    /// <summary>As a sentence names it: "AlphaVSS".</summary>
    string Name { get; }

    /// <summary>Null if VSS can be spoken to this way; else why it cannot, as a sentence's part. Never throws.</summary>
    string? WhyNotUsable();

    /// <summary>One attempt at a set; what it began is undone when it throws.</summary>
    /// <exception cref="VssSupportException">It failed.</exception>
    /// <exception cref="ImageBackupException">SnapshotFailed: nothing was begun.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    ISnapshotSet Take(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log, CancellationToken cancellation);

    /// <param name="root">\\?\Volume{guid}\ or X:\.</param>
    /// <param name="timeout">For each step.</param>
    /// <exception cref="VssSupportException">VSS refused the question.</exception>
    bool IsSupported(string root, TimeSpan timeout);

    /// <summary>Deletes the orphan set of a killed run, if VSS still has it.</summary>
    /// <exception cref="VssSupportException">It is still there.</exception>
    void DeleteLeft(IReadOnlyDictionary<string, string> values, Action<string> log);

    /// <summary>The writers of this machine and their components, now.</summary>
    /// <exception cref="VssSupportException">VSS does not tell them.</exception>
    IReadOnlyList<SnapshotWriter> ListWriters(TimeSpan timeout, CancellationToken cancellation);
}
