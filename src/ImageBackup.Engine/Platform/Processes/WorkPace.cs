using System;
using System.Threading;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>
/// How much of the machine a command's work may take: bytes a second that it reads and writes, and whether it gives way to all else. Follows
/// the command into all threads that it starts, as <see cref="PendingCalls"/> does.
/// </summary>
/// <param name="reads">Of volumes, of packs, and of a restore's target; null: as fast as it goes.</param>
/// <param name="writes">Of packs and of a restore's target; null: as fast as it goes.</param>
/// <param name="isBackground">Its threads get the processor and the disk when nobody else wants them.</param>
internal sealed class WorkPace(RateLimit? reads, RateLimit? writes, bool isBackground)
{
    private static readonly AsyncLocal<WorkPace?> s_current = new();

    /// <summary>Begins it on this thread, which is the work's own and ends with it, and on those that it starts from now on.</summary>
    /// <returns>Ends it, and gives all other threads of the process back what they had.</returns>
    public IDisposable Begin()
    {
        WorkPace? outer = s_current.Value;
        s_current.Value = this;
        return new Scope(outer, isBackground ? BackgroundThreads.Begin() : null);
    }

    /// <summary>Called by a thread that works for a command, once: the system's threads do not all take their priority from who starts them.</summary>
    public static void JoinThread()
    {
        if (s_current.Value is { IsBackground: true })
            BackgroundThreads.Join();
    }

    /// <summary>Waits until the command of this thread may read so many bytes.</summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static void BeforeRead(long lengthBytes) => s_current.Value?.Reads?.Take(lengthBytes, PendingCalls.Stop);

    /// <summary>Waits until the command of this thread may write so many bytes.</summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static void BeforeWrite(long lengthBytes) => s_current.Value?.Writes?.Take(lengthBytes, PendingCalls.Stop);

    private RateLimit? Reads => reads;
    private RateLimit? Writes => writes;
    private bool IsBackground => isBackground;

    private sealed class Scope(WorkPace? outer, IDisposable? background) : IDisposable
    {
        public void Dispose()
        {
            s_current.Value = outer;
            background?.Dispose();
        }
    }
}
