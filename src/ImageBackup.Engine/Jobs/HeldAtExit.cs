using System;
using System.Collections.Generic;
using ImageBackup.Engine.Compat;

namespace ImageBackup.Engine.Jobs;

/// <summary>
/// What must be let go even where the process is told to end (SIGTERM, a closed console) while it is held: disposed as
/// the last thing, in reverse. Any thread.
/// </summary>
internal static class HeldAtExit
{
    private static readonly object s_gate = new();
    private static readonly List<IDisposable> s_held = [];
    private static bool s_isRegistered;

    public static void Add(IDisposable held)
    {
        lock (s_gate)
        {
            if (!s_isRegistered)
                TerminationSignal.Register(ReleaseAll);
            s_isRegistered = true;
            s_held.Add(held);
        }
    }

    public static void Remove(IDisposable held)
    {
        lock (s_gate)
            s_held.Remove(held);
    }

    internal static void ReleaseAll()
    {
        while (true)
        {
            IDisposable last;
            lock (s_gate)
            {
                if (s_held.Count == 0)
                    return;
                last = s_held[s_held.Count - 1];
                s_held.RemoveAt(s_held.Count - 1);
            }
            last.Dispose();
        }
    }
}
