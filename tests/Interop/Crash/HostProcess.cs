using System;
using System.Diagnostics;
using System.IO;
using System.Reflection;
using System.Text;
using System.Threading.Tasks;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Crash;

/// <summary>The Host, as a process that can be killed.</summary>
internal sealed class HostProcess : IDisposable
{
    private static readonly string s_program = Find();

    private readonly Process _process;
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
    public static HostProcess Begin(string command, string? machine = null)
    {
        string[] arguments = ["-NoLogo", "-NonInteractive", "-Command", command];
        var start = new ProcessStartInfo(s_program, arguments);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        if (machine is not null)
        {
            start.Environment["IMAGEBACKUP_ROOT"] = machine;
            start.Environment.Remove("IMAGEBACKUP_LOG");
        }
        start.Environment["RESTIC_PASSWORD"] = TestRepository.Password;
        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return new HostProcess(process);
    }

    public int Id => _process.Id;

    public bool HasEnded => _process.HasExited;

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
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    private static string Find()
    {
        string configuration = typeof(HostProcess).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "ImageBackup.psd1")) && Directory.Exists(Path.Combine(at.FullName, "src")))
                return Path.Combine(at.FullName, "src", "ImageBackup.Host", "bin", configuration, "net10.0", "ImageBackup.Host");
        }
        return "ImageBackup.Host";
    }
}
