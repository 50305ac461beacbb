using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Tests.Kits.FileSystems;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Unit.Vss.Requesting;

namespace ImageBackup.Tests.Fuzz;

/// <summary>
/// Long fuzzing runs: <c>fuzz list</c>, <c>fuzz run &lt;target|all&gt; [--seconds n | --runs n] [--start n]</c>,
/// <c>fuzz one &lt;target&gt; &lt;seed&gt; &lt;number&gt;</c>, <c>fuzz seeds &lt;folder&gt;</c> (makes the seeds anew; root).
/// </summary>
internal static class Program
{
    private static readonly IReadOnlyList<ParserTarget> s_parsers = [.. ParserTargets.All, RequesterFuzz.Target];

    private static int Main(string[] arguments)
    {
        switch (arguments)
        {
            case ["list"]:
                foreach (FuzzTargets.Target target in FuzzTargets.All)
                    Console.WriteLine($"{target.Name}: {string.Join(' ', FuzzTargets.Seeds(target).Select(seed => seed.Name))}");
                foreach (TreeTargets.Target tree in TreeTargets.All)
                    Console.WriteLine($"{tree.Name}: {string.Join(' ', tree.SeedNames)}");
                foreach (ParserTarget parser in s_parsers)
                    Console.WriteLine($"{parser.Name}: {parser.Seeds.Count} seeds");
                return 0;
            case ["run", string name, .. string[] options]:
                List<FuzzTargets.Target> targets = [.. FuzzTargets.All.Where(target => name == "all" || name == target.Name)];
                List<TreeTargets.Target> trees = [.. TreeTargets.All.Where(target => name == "all" || name == target.Name)];
                List<ParserTarget> parsers = [.. s_parsers.Where(target => name == "all" || name == target.Name)];
                return targets.Count + trees.Count + parsers.Count > 0
                    ? targets.Sum(target => Run(target, options)) + trees.Sum(target => Run(target, options)) + parsers.Sum(parser => Run(parser, options))
                    : Usage();
            case ["one", string name, string number] when s_parsers.SingleOrDefault(target => target.Name == name) is { } parser:
                new ParserFuzzer(parser).Run(int.Parse(number, CultureInfo.InvariantCulture));
                return 0;
            case ["one", string name, string seedName, string number] when TreeTargets.All.SingleOrDefault(target => target.Name == name) is { } tree:
                new TreeFuzzer(tree.Create(), TreeTargets.Seeds(tree).Single(seed => seed.Name == seedName).Seed).Run(int.Parse(number, CultureInfo.InvariantCulture));
                return 0;
            case ["one", string name, string seedName, string number]:
                FuzzTargets.Target one = FuzzTargets.All.Single(target => target.Name == name);
                new FileSystemFuzzer(one.Create(), FuzzTargets.Seeds(one).Single(seed => seed.Name == seedName).Seed).Run(int.Parse(number, CultureInfo.InvariantCulture));
                return 0;
            case ["seeds", string folder]:
                SeedMaker.Make(folder);
                return 0;
            default:
                return Usage();
        }
    }

    private static int Usage()
    {
        Console.Error.WriteLine("list | run <target|all> [--seconds n | --runs n] [--start n] | one <target> [<seed>] <number> | seeds <folder>");
        return 2;
    }

    private static int Run(FuzzTargets.Target target, string[] options)
    {
        IReadOnlyList<(string Name, SeedVolume Seed)> seeds = FuzzTargets.Seeds(target);
        if (seeds.Count == 0)
        {
            Console.Error.WriteLine($"{target.Name}: no seeds");
            return 1;
        }
        List<(string Name, FileSystemFuzzer Fuzzer)> fuzzers = seeds.Select(seed => (seed.Name, new FileSystemFuzzer(target.Create(), seed.Seed))).ToList();
        return Run(target.Name, [.. fuzzers.Select(each => ($"{target.Name} {each.Name}: ", (Action<int>)each.Fuzzer.Run))], options, defaultRuns: 100_000, () => new Totals(
            $"{fuzzers.Sum(f => f.Fuzzer.AcceptedCount)} maps, {fuzzers.Sum(f => f.Fuzzer.RefusedCount)} refusals",
            fuzzers.Max(f => f.Fuzzer.LongestRun), fuzzers.Max(f => f.Fuzzer.LargestAllocationBytes)));
    }

    private static int Run(TreeTargets.Target target, string[] options)
    {
        List<(string Name, TreeFuzzer Fuzzer)> fuzzers = TreeTargets.Seeds(target).Select(seed => (seed.Name, new TreeFuzzer(target.Create(), seed.Seed))).ToList();
        return Run(target.Name, [.. fuzzers.Select(each => ($"{target.Name} {each.Name}: ", (Action<int>)each.Fuzzer.Run))], options, defaultRuns: 20_000, () => new Totals(
            $"{fuzzers.Sum(f => f.Fuzzer.EntryCount)} entries, {fuzzers.Sum(f => f.Fuzzer.RefusedCount)} refusals",
            fuzzers.Max(f => f.Fuzzer.LongestRun), fuzzers.Max(f => f.Fuzzer.LargestAllocationBytes)));
    }

    private static int Run(ParserTarget target, string[] options)
    {
        var fuzzer = new ParserFuzzer(target);
        return Run(target.Name, [("", fuzzer.Run)], options, defaultRuns: 100_000,
            () => new Totals($"{fuzzer.ReadCount} read, {fuzzer.RefusedCount} refused", fuzzer.LongestRun, fuzzer.LargestAllocationBytes));
    }

    /// <summary>What the fuzzers of a target have done.</summary>
    private readonly record struct Totals(string Counts, TimeSpan LongestRun, long LargestAllocationBytes);

    /// <summary>Runs the fuzzers of a target by turns, each with the next number, until the time or the runs are over or five have failed.</summary>
    /// <param name="name">The target's.</param>
    /// <param name="fuzzers">Each with what stands before its failures.</param>
    /// <param name="options">Of the command line.</param>
    /// <param name="defaultRuns">If it does not say how many.</param>
    /// <param name="totals">Asked at the end.</param>
    /// <returns>How many failed.</returns>
    private static int Run(string name, IReadOnlyList<(string Before, Action<int> Run)> fuzzers, string[] options, long defaultRuns, Func<Totals> totals)
    {
        long seconds = Option(options, "--seconds", 0);
        long runs = Option(options, "--runs", seconds == 0 ? defaultRuns : long.MaxValue);
        int start = (int)Option(options, "--start", 0);
        var clock = Stopwatch.StartNew();
        long done = 0;
        int failures = 0;
        for (; done < runs && (seconds == 0 || clock.Elapsed.TotalSeconds < seconds); done++)
        {
            (string before, Action<int> run) = fuzzers[(int)(done % fuzzers.Count)];
            try
            {
                run(unchecked(start + (int)(done / fuzzers.Count)));
            }
            catch (InvalidDataException e)
            {
                Console.WriteLine(before + e.Message);
                if (++failures >= 5)
                    break;
            }
        }
        Totals all = totals();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name}: {done} runs in {clock.Elapsed.TotalSeconds:F0} s, {all.Counts}, {failures} failures, longest {all.LongestRun.TotalMilliseconds:F0} ms, largest allocation {all.LargestAllocationBytes >> 10} KiB"));
        return failures;
    }

    private static long Option(string[] options, string name, long otherwise)
    {
        int at = Array.IndexOf(options, name);
        return at >= 0 && at + 1 < options.Length ? long.Parse(options[at + 1], CultureInfo.InvariantCulture) : otherwise;
    }
}
