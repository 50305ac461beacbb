using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;

namespace ImageBackup.Bench;

/// <summary>One measured run of a program and its children.</summary>
/// <param name="Seconds">Wall time.</param>
/// <param name="CpuSeconds">Processor time, user and system: what a loaded machine does not change much.</param>
/// <param name="PeakBytes">The most memory.</param>
/// <param name="Output">What it wrote.</param>
internal sealed record Measurement(double Seconds, double CpuSeconds, long PeakBytes, string Output);

/// <summary>Runs programs and measures their wall time and the most memory that they and their children held.</summary>
internal static class Tool
{
    /// <summary>The kernel keeps the high-water mark, so a sample now and then sees it; looking through /proc costs the measured one time.</summary>
    private static readonly TimeSpan s_sampleEvery = TimeSpan.FromMilliseconds(400);

    public static bool Exists(string name) => (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin").Split(':').Any(d => File.Exists(Path.Combine(d, name)));

    public static string Run(string program, params string[] arguments) => Measure(program, arguments).Output;

    public static Measurement Measure(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        foreach ((string key, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[key] = value;
        double cpuBefore = ChildrenCpuSeconds();
        var clock = Stopwatch.StartNew();
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        long peak = 0;
        using var done = new ManualResetEvent(false);
        var sampler = new Thread(() =>
        {
            do
                peak = Math.Max(peak, PeakOfTree(process.Id));
            while (!done.WaitOne(s_sampleEvery));
        });
        sampler.Start();
        string error = "";
        var errors = new Thread(() => error = process.StandardError.ReadToEnd());
        errors.Start();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        double seconds = clock.Elapsed.TotalSeconds;
        done.Set();
        sampler.Join();
        errors.Join();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {error}{output}");
        return new Measurement(seconds, ChildrenCpuSeconds() - cpuBefore, peak, output);
    }

    // Of the children that have ended, and theirs: cutime and cstime, in hundredths of seconds.
    private static double ChildrenCpuSeconds()
    {
        string stat = File.ReadAllText("/proc/self/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[13], CultureInfo.InvariantCulture) + long.Parse(fields[14], CultureInfo.InvariantCulture)) / 100.0;
    }

    /// <summary>Sum of the high-water marks of a process and its descendants, from /proc.</summary>
    private static long PeakOfTree(int root)
    {
        var parents = new Dictionary<int, int>();
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), out int id))
                continue;
            try
            {
                string stat = File.ReadAllText(Path.Combine(directory, "stat"));
                parents[id] = int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
            }
            catch (IOException)
            {
            }
        }
        long sum = 0;
        foreach (int id in parents.Keys.Append(root).Distinct().Where(i => IsUnder(i)))
        {
            try
            {
                string? line = File.ReadLines($"/proc/{id}/status").FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
                if (line is not null)
                    sum += long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
            }
            catch (IOException)
            {
            }
        }
        return sum;

        bool IsUnder(int id)
        {
            for (int depth = 0; depth < 16; depth++)
            {
                if (id == root)
                    return true;
                if (!parents.TryGetValue(id, out id))
                    return false;
            }
            return false;
        }
    }
}
