using System;
using System.Collections.Generic;

namespace ImageBackup.Tests.Run;

/// <summary>What one suite came to.</summary>
internal sealed class SuiteResult(string name)
{
    public string Name { get; } = name;
    public int Passed { get; set; }
    public int Failed { get; set; }
    public int Skipped { get; set; }
    public TimeSpan Time { get; set; }
    public List<string> SkipReasons { get; } = [];
    public List<string> Failures { get; } = [];

    /// <summary>Each case with how long it took, for who looks for the slow ones.</summary>
    public List<(string Case, TimeSpan Time)> Cases { get; } = [];

    public void Fail(string what)
    {
        Failed++;
        Failures.Add($"{Name}: {what}");
    }

    public void Skip(string why)
    {
        Skipped++;
        SkipReasons.Add($"{Name}: {why}");
    }

    public override string ToString() => $"{Name}: {Passed} passed, {Failed} failed, {Skipped} skipped in {Time:mm\\:ss}";
}
