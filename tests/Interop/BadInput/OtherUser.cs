using System;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace ImageBackup.Tests.Interop.BadInput;

/// <summary>Does something with another user's rights on files: on a thread of its own, whose file system ids are nobody's.</summary>
internal static class OtherUser
{
    private const int Nobody = 65534;

    [DllImport("libc")]
    private static extern int setfsuid(int id);

    [DllImport("libc")]
    private static extern int setfsgid(int id);

    public static void Run(Action action)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            // The kernel keeps these per thread, and takes the rights over others' files away with the user.
            _ = setfsgid(Nobody);
            _ = setfsuid(Nobody);
            try
            {
                if (setfsuid(-1) != Nobody)
                    throw new InvalidOperationException("The user was not changed.");
                action();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }
}
