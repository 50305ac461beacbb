using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Text;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Bench;

/// <summary>How long 10,000 rules and 2,000 volumes take, for lists of several shapes: reading and indexing, then deciding.</summary>
internal static class RuleBench
{
    private const int RuleCount = 10_000;
    private const int VolumeCount = 2_000;

    public static void Run(int runs)
    {
        List<VolumeNames> volumes = [.. Enumerable.Range(0, VolumeCount).Select(Volume)];
        Console.WriteLine(FormattableString.Invariant($"{RuleCount} rules, {VolumeCount} volumes of 6 names, one thread, {runs} runs each, medians."));
        Measure("literal patterns", i => $"/srv/vol{i * 7}", volumes, runs);
        Measure("mixed patterns", i => (i % 4) switch { 0 => $"/srv/vol{i}", 1 => $"/srv/vol{i}?x", 2 => $"/dev/mapper/vg{i}-*y", _ => $"LABEL=data{i}[xyz]" }, volumes, runs);
        Measure("wildcards of one beginning, none matching", i => $"/srv/vol*q{i}", volumes, runs);
        Measure("wildcards at both ends, none matching", i => $"*q{i}*", volumes, runs);
        Measure("directories of any depth", i => $"/.../vol{i}x/...", volumes, runs);
    }

    private static VolumeNames Volume(int i) => VolumeNames.Of(
        [$"/dev/mapper/vg{i % 50}-lv{i}", $"/srv/vol{i}", $"/dev/disk/by-id/dm-name-{i}"], $"data{i}", $"0000-{i.ToString("x4", CultureInfo.InvariantCulture)}", $"{i:d8}-01", false);

    private static void Measure(string name, Func<int, string> pattern, List<VolumeNames> volumes, int runs)
    {
        var text = new StringBuilder();
        for (int i = 0; i < RuleCount; i++)
            text.Append(i % 3 == 0 ? "exclude.image " : "include.image ").Append(pattern(i)).Append('\n');
        string list = text.ToString();
        var reads = new List<double>();
        var decisions = new List<double>();
        int hits = 0;
        for (int run = 0; run <= runs; run++)
        {
            var watch = Stopwatch.StartNew();
            var evaluator = new RuleEvaluator(RuleDocument.Parse(list, "bench.rules", new RuleParseOptions { IsWindows = false }));
            double read = watch.Elapsed.TotalMilliseconds;
            hits = volumes.Count(volume => evaluator.Evaluate(volume).Rule is not null);
            // The first run compiles.
            if (run == 0)
                continue;
            reads.Add(read);
            decisions.Add(watch.Elapsed.TotalMilliseconds - read);
        }
        reads.Sort();
        decisions.Sort();
        Console.WriteLine(FormattableString.Invariant(
            $"  {name,-44} read {reads[runs / 2],7:F1} ms  decide {decisions[runs / 2],7:F1} ms  {hits} volumes hit"));
    }
}
