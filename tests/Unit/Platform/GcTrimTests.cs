using System;
using System.Runtime.CompilerServices;
using ImageBackup.Engine.Platform;
using Xunit;

namespace ImageBackup.Tests.Unit.Platform;

public sealed class GcTrimTests
{
    private const int LargeBytes = 96 << 20;

    [Fact]
    public void What_a_job_left_is_collected_before_the_next_one_begins()
    {
        // Tests beside this one allocate and collect too, which can make a try look like nothing new; the next one counts.
        for (int i = 0; i < 5; i++)
        {
            WeakReference left = Leave();
            GcTrim.Run();
            if (!left.IsAlive)
                return;
        }
        Assert.Fail("480 MiB that nobody refers to are in memory still.");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Leave() => new(new byte[LargeBytes]);
}
