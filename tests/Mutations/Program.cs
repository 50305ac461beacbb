using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using ImageBackup.Tests.Kits;

namespace ImageBackup.Tests.Mutations;

/// <summary>
/// Takes one safeguard after the other out of a scratch copy of the tree, builds the engine, and expects the named test to
/// fail: <c>dotnet run -c Release --project tests/Mutations [-- parts of names]</c>. Ends with the number that nobody noticed.
/// </summary>
internal static class Program
{
    private const string Unit = "tests/Unit/bin/Release/net10.0";

    private static int Main(string[] arguments)
    {
        string root = FindRoot();
        string scratch = Directory.CreateTempSubdirectory("imagebackup-mutations-").FullName;
        try
        {
            Copy(root, scratch);
            if (Start("dotnet", scratch, "build", "tests/Unit", "-c", "Release", "-nologo", "-v", "quiet", "-p:RunAnalyzers=false") != 0)
                throw new InvalidOperationException("The tree does not build as it is.");
            List<Mutation> mutations = [.. Mutation.Load(Path.Combine(root, "tests", "Mutations", "mutations.txt")).Where(m => arguments.Length == 0 || arguments.Any(part => m.Name.Contains(part, StringComparison.OrdinalIgnoreCase)))];
            // What must fail without a safeguard must pass with it.
            foreach (string test in mutations.Select(m => m.Test).Distinct())
            {
                if (!Passes(scratch, test))
                    throw new InvalidOperationException($"{test} fails before anything is taken out.");
            }
            int survivors = mutations.Count(m => !IsNoticed(scratch, m));
            Console.WriteLine($"{mutations.Count} safeguards taken out, {mutations.Count - survivors} noticed, {survivors} not.");
            return survivors;
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }

    private static bool IsNoticed(string scratch, Mutation mutation)
    {
        string path = Path.Combine(scratch, mutation.File);
        string good = File.ReadAllText(path);
        File.WriteAllText(path, mutation.Apply(good));
        try
        {
            // Only its own project: the assembly takes the place of the one that the tests were built with.
            string[] folders = mutation.File.Split('/');
            string project = $"{folders[0]}/{folders[1]}";
            if (Start("dotnet", scratch, "build", project, "-c", "Release", "-f", "net10.0", "-nologo", "-v", "quiet", "--no-restore", "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false") != 0)
                throw new InvalidOperationException($"'{mutation.Name}' does not build.");
            foreach (string file in new[] { folders[1] + ".dll", folders[1] + ".pdb" })
                File.Copy(Path.Combine(scratch, project, "bin/Release/net10.0", file), Path.Combine(scratch, Unit, file), overwrite: true);
            bool isNoticed = !Passes(scratch, mutation.Test);
            Console.WriteLine($"{(isNoticed ? "noticed     " : "NOT NOTICED ")}{mutation.Name}");
            return isNoticed;
        }
        finally
        {
            File.WriteAllText(path, good);
        }
    }

    private static bool Passes(string scratch, string test) =>
        Start(Path.Combine(scratch, Unit, "ImageBackup.Tests.Unit"), scratch, test.EndsWith(".*", StringComparison.Ordinal) ? "-class" : "-method", test.EndsWith(".*", StringComparison.Ordinal) ? test[..^2] : test) == 0;

    /// <summary>The tree without what was built in it.</summary>
    private static void Copy(string root, string scratch)
    {
        foreach (string file in Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories))
        {
            string relative = Path.GetRelativePath(root, file);
            if (relative.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "output" or ".git"))
                continue;
            string target = Path.Combine(scratch, relative);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    private static int Start(string program, string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0 && program == "dotnet")
            Console.WriteLine(output + error.Result);
        return process.ExitCode;
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "ImageBackup.psd1")) && Directory.Exists(Path.Combine(at.FullName, "tests")))
                return at.FullName;
        }
        return Directory.GetCurrentDirectory();
    }
}
