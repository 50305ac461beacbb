using System;
using System.Globalization;
using System.Linq;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Interop.Crash;

/// <summary>
/// Two at once, and more. A short run here; <c>build.ps1 -Task Soak</c> sets IMAGEBACKUP_SOAK_SECONDS for a long one.
/// </summary>
public sealed class MixedTests(ITestOutputHelper output)
{
    private const int ShortSeconds = 25;

    [Fact]
    public void Ours_and_restics_backups_prunes_checks_and_repairs_with_kills_lose_no_reported_image()
    {
        ResticTool.Require();
        HostProcess.Require();
        string? asked = Environment.GetEnvironmentVariable("IMAGEBACKUP_SOAK_SECONDS");
        int seconds = asked is null ? ShortSeconds : int.Parse(asked, CultureInfo.InvariantCulture);
        using var directory = new TemporaryDirectory();
        var run = new MixedRun(directory.Path, Environment.TickCount);
        run.Run(TimeSpan.FromSeconds(seconds));
        string counts = string.Join(", ", run.Counts.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Key} {c.Value}"));
        output.WriteLine($"{seconds} s, {run.KillCount} kills, {run.ImageCount} images proven: {counts}");
        Console.WriteLine($"{seconds} s, {run.KillCount} kills, {run.ImageCount} images proven: {counts}");
        Assert.NotEmpty(run.Counts);
    }
}
