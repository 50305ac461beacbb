using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Xunit;

namespace ImageBackup.Tests.Wine.Vss;

/// <summary>
/// A vssapi.dll of ours in Wine's system folder, made from mingw-w64's public header by its C++ compiler. Programs that are started with
/// <see cref="Variables"/> load it; what it answers is in a file, and each call in the file's log.
/// </summary>
internal sealed class VssDouble : IDisposable
{
    private const string Compiler = "x86_64-w64-mingw32-g++";
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    private readonly WineHost _wine;
    private readonly string _library;
    private readonly string _kept;

    public VssDouble(WineHost wine)
    {
        _wine = wine;
        _library = Path.Combine(wine.SystemFolder, "vssapi.dll");
        _kept = _library + ".wine";
        string source = Path.Combine(AppContext.BaseDirectory, "Vss"), made = Path.Combine(wine.Directory, "vssapi.dll");
        if (!File.Exists(made))
        {
            (int exitCode, string output) = Tool.Try(new ProcessStartInfo(Compiler, ["-O1", "-Wall", "-Werror", "-shared", "-static", "-o", made,
                Path.Combine(source, "vssapi.cpp"), Path.Combine(source, "vssapi.def"), "-lole32", "-loleaut32", "-luuid", "-ladvapi32"]), s_limit);
            Assert.True(exitCode == 0, output);
        }
        if (!File.Exists(_kept))
            File.Move(_library, _kept);
        File.Copy(made, _library, overwrite: true);
    }

    /// <summary>Why it cannot be made; null if it can.</summary>
    public static string? WhyNot => Tool.Exists(Compiler) ? null : $"{Compiler} is not installed (Debian's g++-mingw-w64-x86-64-win32)";

    public string Script => Path.Combine(_wine.Directory, "vss.txt");
    public string Log => Script + ".log";

    public IReadOnlyDictionary<string, string> Variables => new Dictionary<string, string>
    {
        ["WINEDLLOVERRIDES"] = "vssapi=n",
        ["IMAGEBACKUP_TEST_VSS"] = WineHost.Windows(Script),
    };

    /// <summary>Two writers: one with a component on X:, one with a component on D:, which is not in any set here.</summary>
    public static IReadOnlyList<string> Writers { get; } =
    [
        "writer Registry Writer|afbab4a2-367d-4d15-a586-71dbb18f8485|22222222-2222-3333-4444-555555555555",
        @"component 2||Registry|The registry|1", @"file X:\Windows|1",
        @"component 2|Registry|Hive||0", @"file X:\Windows\System32|0",
        "writer SqlServerWriter|a65faa63-5ea8-4ebc-9dbd-a0c4db26912a|11111111-2222-3333-4444-555555555555",
        @"component 1|server|data|A database|1", @"database D:\data|0", @"dblog D:\log|0",
    ];

    /// <summary>A volume, and the device that its snapshot is made on; the module reads it as it reads any device that has no letter.</summary>
    public static string Volume(char letter, string source, string copy) =>
        $@"volume {letter}:\|{WineHost.Windows(source)}|{WineHost.Windows(copy)}|\\?\unix{copy.Replace('/', '\\')}";

    /// <summary>All that was given out in a log was given back, and no set outlives it.</summary>
    public static void ProveClean(string name, IReadOnlyList<string> log)
    {
        string text = name + ":\n" + string.Join('\n', log);
        // Objects that were made: not the calls that were told to fail, after which nothing follows.
        int created = log.Where((line, i) => line == "CreateVssBackupComponents" && i + 1 < log.Count && log[i + 1] != "CreateVssBackupComponents").Count();
        Assert.True(created == log.Count(line => line.StartsWith("gone: ", StringComparison.Ordinal)), text);
        Assert.True(log.Where(line => line.StartsWith("gone: ", StringComparison.Ordinal)).All(line => line == "gone: 0 objects, 0 strings, 0 properties, 0 infos"), text);
        Assert.False(log.Any(line => line.Contains("ours", StringComparison.Ordinal) || line.Contains("that is gone", StringComparison.Ordinal) || line.Contains("unknown writer", StringComparison.Ordinal)), text);
    }

    /// <summary>The files that stand for a set in progress and for a set that exists.</summary>
    public bool HasSet => File.Exists(Script + ".progress") || File.Exists(Script + ".set");

    public void Dispose() => File.Move(_kept, _library, overwrite: true);
}
