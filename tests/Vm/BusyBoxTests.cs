using System.IO;
using Xunit;

namespace ImageBackup.Tests.Vm;

/// <summary>A busybox that needs libraries is not taken for one that does not.</summary>
public sealed class BusyBoxTests
{
    [Fact]
    public void A_program_with_a_dynamic_linker_is_not_a_static_one()
    {
        Assert.SkipUnless(File.Exists("/bin/ls"), "There is no /bin/ls to look at.");
        Assert.False(BusyBox.IsStatic(File.ReadAllBytes("/bin/ls")));
        Assert.False(BusyBox.IsStatic("#!/bin/sh\n"u8));
        Assert.False(BusyBox.IsStatic([]));
    }

    [Fact]
    public void The_one_that_is_found_is_static()
    {
        string? path = BusyBox.Find(out string whyNot);
        Assert.SkipWhen(path is null, whyNot);
        Assert.True(BusyBox.IsStatic(File.ReadAllBytes(path!)));
    }
}
