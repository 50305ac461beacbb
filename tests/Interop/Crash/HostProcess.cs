using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Crash;

/// <summary>The Host, as a process that can be killed.</summary>
internal sealed class HostProcess : IDisposable
{
    private static readonly string s_program = Find();

    private readonly Process _process;
    private Process? _inner;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    private HostProcess(Process process)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _error = process.StandardError.ReadToEndAsync();
    }

    public static void Require() => Assert.SkipUnless(File.Exists(s_program), $"The Host is not built: there is no {s_program}.");

    /// <param name="command">What the Host runs.</param>
    /// <param name="machine">
    /// The IMAGEBACKUP_ROOT of the process: as far as settings, logs and records go it is a machine of its own, which no other run
    /// looks after. By default all of them share the tests' own.
    /// </param>
    public static HostProcess Begin(string command, string? machine = null) => Begin(StartInfo(isPwsh: false, command, machine));

    /// <summary>
    /// A real pwsh that has imported the module from the laid-out folder, as a process that can be killed. Another module's or script's
    /// handlers are not in it: what happens at a signal is what this module does.
    /// </summary>
    /// <remarks>Where pwsh is a .NET tool, what is started by its name starts the real one: signals go to the process that says $PID.</remarks>
    public static HostProcess BeginPwsh(string command, string machine)
    {
        Directory.CreateDirectory(machine);
        string idFile = Path.Combine(machine, $"pid-{Guid.NewGuid():N}");
        HostProcess process = Begin(StartInfo(isPwsh: true, $"[IO.File]::WriteAllText('{idFile}', $PID); [IO.File]::Move('{idFile}', '{idFile}.whole'); {command}", machine));
        var clock = Stopwatch.StartNew();
        while (!File.Exists(idFile + ".whole"))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(3) && !process._process.HasExited, "pwsh did not start.");
            Thread.Sleep(5);
        }
        process._inner = Process.GetProcessById(int.Parse(File.ReadAllText(idFile + ".whole"), System.Globalization.CultureInfo.InvariantCulture));
        File.Delete(idFile + ".whole");
        return process;
    }

    /// <summary>How the Host or pwsh is started.</summary>
    public static ProcessStartInfo StartInfo(bool isPwsh, string command, string? machine)
    {
        ProcessStartInfo start = isPwsh
            ? new ProcessStartInfo(Pwsh?.Program ?? throw new InvalidOperationException("There is no pwsh."),
                [.. Pwsh.Value.First, "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", $"$ErrorActionPreference = 'Stop'; Import-Module '{Manifest}'; {command}"])
            : new ProcessStartInfo(s_program, ["-NoLogo", "-NonInteractive", "-Command", command]);
        if (machine is not null)
        {
            start.Environment["IMAGEBACKUP_ROOT"] = machine;
            start.Environment.Remove("IMAGEBACKUP_LOG");
        }
        start.Environment["RESTIC_PASSWORD"] = TestRepository.Password;
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
        return start;
    }

    /// <summary>Starts what <see cref="StartInfo"/> made, with variables of the caller's.</summary>
    public static HostProcess Begin(ProcessStartInfo start)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        // A test run in the background of a shell has these two ignored, and its children would ignore them too. env becomes the program.
        foreach (string argument in (string[])[start.FileName, "--default-signal=INT,QUIT"])
            start.ArgumentList.Insert(0, argument);
        start.FileName = "/usr/bin/env";
        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return new HostProcess(process);
    }

    /// <summary>Why no pwsh can be tried; null: one can.</summary>
    public static string? WhyNoPwsh =>
        Pwsh is null ? "There is no pwsh: neither IMAGEBACKUP_PWSH nor PATH names one, and dotnet tool restore was not run."
        : Manifest is null ? "The module is not laid out in output/: dotnet build src/ImageBackup -t:LayOutModule -c Release."
        : null;

    /// <summary>A program, or pwsh.dll and what runs it.</summary>
    private static (string Program, string[] First)? Pwsh { get; } = FindPwsh() switch
    {
        null => null,
        { } path when path.EndsWith(".dll", StringComparison.Ordinal) => ("dotnet", [path]),
        { } path => (path, []),
    };

    /// <summary>What IMAGEBACKUP_PWSH or PATH names, else the tool that .config/dotnet-tools.json pins, if it was restored.</summary>
    private static string? FindPwsh()
    {
        if (Environment.GetEnvironmentVariable("IMAGEBACKUP_PWSH") is { Length: > 0 } given)
            return given;
        foreach (string directory in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            if (File.Exists(Path.Combine(directory, "pwsh")))
                return Path.Combine(directory, "pwsh");
        }
        // The packages that this project was restored with lie where the tool's does.
        string? tool = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } packages ? Path.Combine(packages, "powershell") : null;
        return Directory.Exists(tool)
            ? Directory.GetFiles(tool, "pwsh.dll", SearchOption.AllDirectories).Where(path => Path.GetFileName(Path.GetDirectoryName(path)) == "unix").Order(StringComparer.Ordinal).LastOrDefault()
            : null;
    }

    private static string? Manifest { get; } = Root() is { } root && Directory.Exists(Path.Combine(root, "output", "ImageBackup"))
        ? Directory.GetFiles(Path.Combine(root, "output", "ImageBackup"), "ImageBackup.psd1", SearchOption.AllDirectories).OrderByDescending(File.GetLastWriteTimeUtc).FirstOrDefault()
        : null;

    public int Id => (_inner ?? _process).Id;

    /// <summary>Sends a signal by its number.</summary>
    public void Signal(int number) => Assert.Equal(0, kill(Id, number));

    /// <summary>Sends a signal, if the process is still there.</summary>
    public bool TrySignal(int number) => kill(Id, number) == 0;

    /// <summary>Waits until a SIGSTOP that was sent has stopped it; false: it ended instead.</summary>
    public bool IsStopped()
    {
        while (LinuxProcess.TryRead(Id) is { IsZombie: false })
        {
            if (File.ReadLines($"/proc/{Id}/status").Any(line => line.StartsWith("State:\tT", StringComparison.Ordinal)))
                return true;
            Thread.Sleep(1);
        }
        return false;
    }

    /// <summary>Whether it ended within the time.</summary>
    public bool WaitForEnd(TimeSpan limit) => (_inner ?? _process).WaitForExit(limit) && _process.WaitForExit(limit);

    public bool HasEnded => (_inner ?? _process).HasExited;

    /// <summary>Waits for its end.</summary>
    public (int Code, string Output, string Error) End()
    {
        Assert.True(_process.WaitForExit(TimeSpan.FromMinutes(5)), "The Host did not end.");
        _process.WaitForExit();
        return (_process.ExitCode, _output.Result, _error.Result);
    }

    /// <summary>kill -9, and waits until the system has buried it.</summary>
    public void Kill()
    {
        if (_inner is { HasExited: false })
            _inner.Kill();
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited || _inner is { HasExited: false })
            Kill();
        _inner?.Dispose();
        _process.Dispose();
    }

    /// <summary>What IMAGEBACKUP_HOST names (tests/Run: one with PowerShell compiled ahead), else the one that was built.</summary>
    private static string Find()
    {
        if (Environment.GetEnvironmentVariable("IMAGEBACKUP_HOST") is { Length: > 0 } given)
            return given;
        string configuration = typeof(HostProcess).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        return Root() is { } root
            ? Path.Combine(root, "src", "ImageBackup.Host", "bin", configuration, "net10.0", "ImageBackup.Host")
            : "ImageBackup.Host";
    }

    private static string? Root()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "ImageBackup.psd1")) && Directory.Exists(Path.Combine(at.FullName, "src")))
                return at.FullName;
        }
        return null;
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int processId, int signal);
}
