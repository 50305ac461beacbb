using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Volumes.Undo;

/// <summary>
/// A small file that says what this process has taken and must give back. It is there before the thing is taken, and held while
/// the process lives. Dispose lets go of it without giving the thing back: the next run finds it.
/// </summary>
internal interface IUndoRecord : IDisposable
{
    /// <summary>One line each.</summary>
    IReadOnlyDictionary<string, string> Values { get; }

    /// <summary>The thing is given back.</summary>
    void Remove();
}
