using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Reflection;
using System.Threading;
using ImageBackup.Commands;
using ImageBackup.Tests.Unit.Commands;
using Xunit;

namespace ImageBackup.Tests.Unit.Host;

/// <summary>The Host as a process: streams, exit codes, scripts, signals.</summary>
[Collection(CommandTests.Name)]
public sealed class HostProcessTests(RepositoryFixture fixture)
{
    private static ProcessStartInfo StartInfo(string[] arguments)
    {
        var start = new ProcessStartInfo(SourceTree.HostProgram, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (string name in new[] { "RESTIC_REPOSITORY", "RESTIC_PASSWORD_FILE", "RESTIC_PASSWORD_COMMAND" })
            start.Environment.Remove(name);
        start.Environment["RESTIC_PASSWORD"] = RepositoryFixture.PasswordText;
        return start;
    }

    private static (int Code, string Output, string Error) Run(string[] arguments, string input = "", string? password = null)
    {
        ProcessStartInfo start = StartInfo(arguments);
        if (password is not null)
            start.Environment["RESTIC_PASSWORD"] = password;
        using Process process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(60_000));
        return (process.ExitCode, output, error.Result);
    }

    private static (int Code, string Output, string Error) Command(string text, string? password = null) =>
        Run(["-NonInteractive", "-Command", text], password: password);

    [Fact]
    public void A_backup_and_a_restore_in_one_command_end_with_0()
    {
        string target = fixture.PathOf($"host-{Guid.NewGuid():N}.img");
        var (code, output, error) = Command(
            $"Backup-VolumeImage '{fixture.VolumeFile}' -Repository '{fixture.Location}' | Restore-VolumeImage -Repository '{fixture.Location}' -Destination '{target}' -Confirm:$false");
        Assert.True(code == 0, error);
        // The volume holds noise, and that is said; nothing else is.
        Assert.StartsWith($"WARNING: {fixture.VolumeFile}: The volume is stored whole", error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        // A column may cut it.
        Assert.Contains(target[..15], output, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(fixture.VolumeFile), File.ReadAllBytes(target));
    }

    [Fact]
    public void Exit_codes_are_restics()
    {
        Assert.Equal(10, Command("Get-ImageBackup -Repository /nonexistent/repository").Code);
        Assert.Equal(12, Command($"Get-ImageBackup -Repository '{fixture.Location}'", password: "falsch").Code);
        Assert.Equal(1, Command($"Backup-VolumeImage ./absent -Repository '{fixture.Location}'").Code);
        Assert.Equal(12, Command($"Get-ImageBackup -Repository '{fixture.Location}' -ErrorAction Stop; 'not reached'", password: "falsch").Code);
    }

    [Fact]
    public void Objects_go_to_the_output_and_everything_else_to_the_error_stream()
    {
        var (code, output, error) = Command("'data'; Backup-VolumeImage; throw 'boom'");
        Assert.Equal(1, code);
        Assert.Equal("data", output.Trim());
        Assert.Contains("No repository was named", error, StringComparison.Ordinal);
        Assert.Contains("boom", error, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output + error);
    }

    [Fact]
    public void An_error_that_was_caught_is_no_failure()
    {
        var (code, output, _) = Command("try { Backup-VolumeImage } catch { 'caught ' + $_.FullyQualifiedErrorId }");
        Assert.Equal(0, code);
        Assert.StartsWith("caught RepositoryNotConnected,", output, StringComparison.Ordinal);
    }

    /// <summary>Another module of a script may bring other versions of what the module stands on.</summary>
    [Fact]
    public void What_the_module_stands_on_is_kept_apart()
    {
        var (code, output, error) = Command($"$null = Test-ImageRepository -Repository '{fixture.Location}'; "
            + "[AppDomain]::CurrentDomain.GetAssemblies().ForEach({ $_.GetName().Name + ' ' + [Runtime.Loader.AssemblyLoadContext]::GetLoadContext($_).Name })");
        Assert.True(code == 0, error);
        string[] lines = output.Split(Environment.NewLine);
        Assert.Contains("ImageBackup Default", lines);
        Assert.Contains("ImageBackup.Engine ImageBackup", lines);
        Assert.Contains("ZstdNet ImageBackup", lines);
        Assert.DoesNotContain(lines, line => line.EndsWith(" Default", StringComparison.Ordinal)
            && (line.StartsWith("ImageBackup.Engine", StringComparison.Ordinal) || line.StartsWith("Serilog", StringComparison.Ordinal) || line.StartsWith("Zstd", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_module_goes_and_comes_again()
    {
        var (code, output, error) = Command("$path = (Get-Module ImageBackup).Path; Remove-Module ImageBackup; $PSModuleAutoLoadingPreference = 'None'; "
            + "(Get-Command Get-ImageBackup -ErrorAction Ignore).Count; Import-Module $path; Import-Module $path -Force; (Get-Command -Module ImageBackup).Count; "
            + $"(Get-ImageBackup -Repository '{fixture.Location}' -ErrorAction Stop).Count -ge 0");
        Assert.True(code == 0, error);
        string cmdlets = typeof(BackupVolumeImageCommand).Assembly.GetExportedTypes().Count(t => t.IsDefined(typeof(CmdletAttribute), false)).ToString(CultureInfo.InvariantCulture);
        Assert.Equal(["0", cmdlets, "True"], output.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Exit_and_broken_syntax_have_their_codes()
    {
        Assert.Equal(42, Command("exit 42").Code);
        Assert.Equal(1, Command("if (").Code);
        Assert.Equal(0, Command("Get-Command -Module ImageBackup").Code);
        Assert.Equal(1, Run(["-Nonsense"]).Code);
    }

    [Fact]
    public void A_script_gets_its_arguments_its_place_and_its_exit_code()
    {
        string script = fixture.PathOf("it's a script.ps1");
        File.WriteAllText(script, "param([string]$Name, [switch]$Loud, [int]$Code) \"$Name $Loud $PSScriptRoot\"; if ($Code) { exit $Code }");
        var (code, output, error) = Run(["-File", script, "-Name", "O'Brien", "-Loud", "-Code", "7"]);
        Assert.Equal("", error);
        Assert.Equal(7, code);
        Assert.Equal($"O'Brien True {fixture.Directory}", output.Trim());
        Assert.Equal(0, Run(["-File", script]).Code);
        Assert.Equal(1, Run(["-File", script + ".absent"]).Code);
    }

    [Fact]
    public void Statements_from_a_pipe_are_run_also_over_several_lines()
    {
        var (code, output, _) = Run([], "1 + 1\nif ($true) {\n'several'\n}\nexit 5\n'never'\n");
        Assert.Equal(5, code);
        Assert.Equal(["2", "several"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    [Fact]
    public void A_question_without_a_user_fails_instead_of_waiting()
    {
        var (code, output, error) = Command(
            $"Get-ImageBackup -Repository '{fixture.Location}' -Tag none-such; Unlock-ImageRepository '{fixture.Location}' -All");
        Assert.Equal(1, code);
        Assert.DoesNotContain("Password", output, StringComparison.Ordinal);
        Assert.Contains("-Confirm:$false", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_question_is_answered_from_standard_input()
    {
        var (code, output, error) = Run(["-Command", $"Unlock-ImageRepository '{fixture.Location}' -All -Confirm"], "?\nn\n");
        Assert.Equal(0, code);
        Assert.Contains("[Y] Yes", error, StringComparison.Ordinal);
        Assert.Equal("", output);
    }

    /// <summary>SIGINT is bit 1 of the mask (proc_pid_status(5)). A process that inherits it so leaves it so.</summary>
    private static bool IsInterruptIgnored()
    {
        string line = Array.Find(File.ReadAllLines("/proc/self/status"), l => l.StartsWith("SigIgn:", StringComparison.Ordinal))!;
        return (Convert.ToUInt64(line["SigIgn:".Length..].Trim(), 16) & 0b10) != 0;
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void A_signal_stops_the_pipeline_and_leaves_no_lock(string signal)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent with kill.");
        Assert.SkipWhen(signal == "INT" && IsInterruptIgnored(), "These tests were started in the background by a shell: they, and what they start, ignore SIGINT.");
        string big = fixture.PathOf($"signal-{signal}.img");
        using (FileStream stream = File.Create(big))
        {
            var block = new byte[1 << 20];
            var random = new Random(9);
            for (int i = 0; i < 600; i++)
            {
                random.NextBytes(block);
                stream.Write(block);
            }
        }
        string locks = Path.Combine(fixture.Location, "locks");
        try
        {
            using Process process = Process.Start(StartInfo(["-Command", $"Backup-VolumeImage '{big}' -ThrottleLimit 1 -Repository '{fixture.Location}'"]))!;
            Assert.True(SpinWait.SpinUntil(() => Directory.GetFiles(locks).Length > 0 || process.HasExited, TimeSpan.FromSeconds(30)));
            Assert.False(process.HasExited, "the backup was over before it could be stopped");
            var watch = Stopwatch.StartNew();
            using (Process kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
                kill.WaitForExit();
            Assert.True(process.WaitForExit(20_000));
            Assert.Equal(130, process.ExitCode);
            Assert.Empty(Directory.GetFiles(locks));
            Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
        }
        finally
        {
            File.Delete(big);
        }
    }

    [Fact]
    public void The_version_and_the_help_need_no_engine()
    {
        Assert.Contains("7.6.9", Run(["-Version"]).Output, StringComparison.Ordinal);
        Assert.Contains("-NonInteractive", Run(["-Help"]).Output, StringComparison.Ordinal);
    }
}
