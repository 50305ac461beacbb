using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Volumes;

/// <summary>
/// A quiesced volume: no program can change it until <see cref="Release"/>, which puts everything back as it was. Dispose releases
/// if Release was not called; neither throws, and both may be called twice and from another thread.
/// </summary>
internal interface IQuiescedVolume : IDisposable
{
    /// <summary>Reads it; disposed with it.</summary>
    IBlockReader Reader { get; }

    /// <summary>How it was quiesced: "held exclusively", "remounted read-only at /data".</summary>
    string How { get; }

    /// <summary>
    /// What the programs that use the volume notice until it is released, as a sentence for a warning. Null if nobody could
    /// use it before either.
    /// </summary>
    string? Disruption { get; }

    /// <summary>Null while it is quiesced; else what happened (another program remounted it writable).</summary>
    string? Disturbance();

    /// <summary>Closes the reader and puts the volume back. Gives what could not be put back, in words.</summary>
    IReadOnlyList<string> Release();
}
