using System;
using ImageBackup.Engine.Repository.Files;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository;

/// <summary>Times as Go writes them: a tree that restic writes anew keeps its bytes, and so its id.</summary>
public sealed class JsonTimeTests
{
    [Theory]
    [InlineData(0, 0, "2026-11-29T02:50:24Z")]
    [InlineData(3390720, 0, "2026-11-29T02:50:24.339072Z")]
    [InlineData(1, 345, "2026-11-29T02:50:24.0000001+05:45")]
    [InlineData(5000000, -210, "2026-11-29T02:50:24.5-03:30")]
    public void Have_no_zeros_at_the_end_and_Z_for_UTC(long ticks, int offsetMinutes, string expected) =>
        Assert.Equal(expected, JsonText.Time(new DateTimeOffset(2026, 11, 29, 2, 50, 24, TimeSpan.FromMinutes(offsetMinutes)).AddTicks(ticks)));
}
