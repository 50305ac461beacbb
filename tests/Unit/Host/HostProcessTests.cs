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
        // The volume holds noise, and that is said; nothing else is. PowerShell's console shows warnings on the output.
        Assert.Equal("", error);
        Assert.Contains($"WARNING: {fixture.VolumeFile}: The volume is stored whole", output, StringComparison.Ordinal);
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

    /// <summary>If several errors are shown: a cause that has a code, then the plain failure, then unreadable data.</summary>
    [Theory]
    [InlineData("RepositoryNotFound SomeDataUnreadable", 10)]
    [InlineData("SomeDataUnreadable VolumeInUse", 1)]
    [InlineData("VolumeInUse RepositoryLocked RepositoryNotFound", 11)]
    [InlineData("RepositoryLocked WrongPassword VolumeInUse", 12)]
    [InlineData("WrongPassword Cancelled", 130)]
    [InlineData("SomeDataUnreadable", 3)]
    [InlineData("SomethingElse", 1)]
    [InlineData("", 0)]
    public void The_gravest_error_decides(string ids, int code)
    {
        string forwards = string.Join(' ', ids.Split(' ').Where(id => id.Length > 0).Select(id => $"Write-Error x -ErrorId {id};"));
        string backwards = string.Join(' ', ids.Split(' ').Where(id => id.Length > 0).Reverse().Select(id => $"Write-Error x -ErrorId {id};"));
        Assert.Equal((code, code), (Command(forwards + " 'done'").Code, Command(backwards + " 'done'").Code));
        // The same by the cmdlet, for a PowerShell that is not the Host.
        Assert.Equal(code, Command($"$failures = @(); & {{ [CmdletBinding()] param() {forwards} }} -ErrorVariable failures 2>$null; exit (Get-ImageBackupExitCode $failures)").Code);
    }

    /// <summary>What a script says by 'exit' wins over the errors that were shown.</summary>
    [Fact]
    public void The_scripts_own_exit_code_wins()
    {
        Assert.Equal(0, Command("Get-ImageBackup -Repository /nonexistent/repository; exit 0").Code);
        Assert.Equal(1, Command("Get-ImageBackup -Repository /nonexistent/repository; exit 1").Code);
        // Out-Default inside of the script is not the one that shows the script's output.
        Assert.Equal(10, Command("'x' | Out-Default; Get-ImageBackup -Repository /nonexistent/repository; 'y' | Out-Default").Code);
    }

    [Fact]
    public void An_error_record_that_is_data_is_not_a_failure() =>
        Assert.Equal(0, Command("$record = try { throw 'x' } catch { $_ }; $record").Code);

    [Fact]
    public void Errors_go_to_the_error_stream_and_a_log_has_no_colour_codes()
    {
        var (code, output, error) = Command("'data'; Backup-VolumeImage; throw 'boom'");
        Assert.Equal(1, code);
        Assert.Equal("data", output.Trim());
        Assert.Contains("The command names no repository", error, StringComparison.Ordinal);
        Assert.Contains("boom", error, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output + error);
    }

    [Fact]
    public void The_commands_that_everybody_knows_are_there()
    {
        var (code, output, error) = Command("(Get-ChildItem $PSHOME).Count -gt 0; (Get-Date).Year -gt 2000; ('{\"a\":7}' | ConvertFrom-Json).a; (1..3 | Measure-Object -Sum).Sum; "
            + "(TabExpansion2 'Get-ImageBac' 12).CompletionMatches.CompletionText -join ' '");
        Assert.True(code == 0, error);
        Assert.Equal(["True", "True", "7", "6", "Get-ImageBackup Get-ImageBackupExitCode"], output.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void An_encoded_command_runs()
    {
        string encoded = Convert.ToBase64String(System.Text.Encoding.Unicode.GetBytes("Get-ImageBackup -Repository /nonexistent/repository"));
        Assert.Equal(10, Run(["-NonInteractive", "-EncodedCommand", encoded]).Code);
    }

    /// <summary>An account of a service may have no home.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(null)]
    public void It_runs_without_a_home(string? home)
    {
        ProcessStartInfo start = StartInfo(["-NoLogo", "-Command", "'ran'"]);
        start.Environment["HOME"] = home;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Assert.Equal("ran", process.StandardOutput.ReadToEnd().Trim());
        Assert.True(process.WaitForExit(60_000));
        Assert.Equal(0, process.ExitCode);
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
            && (line.StartsWith("ImageBackup.Engine", StringComparison.Ordinal) || line.StartsWith("Zstd", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_module_goes_and_comes_again()
    {
        var (code, output, error) = Command("$path = (Get-Module ImageBackup).Path; Remove-Module ImageBackup; $PSModuleAutoLoadingPreference = 'None'; "
            + "(Get-Command Get-ImageBackup -ErrorAction Ignore).Count; Import-Module $path; Import-Module $path -Force; (Get-Command -Module ImageBackup -CommandType Cmdlet).Count; "
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
        Assert.Equal(64, Run(["-Nonsense"]).Code);
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
        Assert.Equal(64, Run(["-File", script + ".absent"]).Code);
    }

    [Fact]
    public void Statements_from_a_pipe_are_run_also_over_several_lines()
    {
        var (code, output, _) = Run(["-NoLogo", "-Command", "-"], "1 + 1\nif ($true) {\n'several'\n}\n\nexit 5\n'never'\n");
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

    /// <summary>SIGINT is bit 1 of the mask (proc_pid_status(5)). A process that inherits it so leaves it so.</summary>
    private static bool IsInterruptIgnored()
    {
        string line = Array.Find(File.ReadAllLines("/proc/self/status"), l => l.StartsWith("SigIgn:", StringComparison.Ordinal))!;
        return (Convert.ToUInt64(line["SigIgn:".Length..].Trim(), 16) & 0b10) != 0;
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public void A_signal_ends_it_and_leaves_no_lock(string signal, int code)
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
            using Process process = Process.Start(StartInfo(["-NonInteractive", "-Command", $"Backup-VolumeImage '{big}' -ThrottleLimit 1 -Repository '{fixture.Location}'"]))!;
            Assert.True(SpinWait.SpinUntil(() => Directory.GetFiles(locks).Length > 0 || process.HasExited, TimeSpan.FromSeconds(30)));
            Assert.False(process.HasExited, "the backup was over before it could be stopped");
            var watch = Stopwatch.StartNew();
            using (Process kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
                kill.WaitForExit();
            Assert.True(process.WaitForExit(20_000));
            Assert.Equal(code, process.ExitCode);
            Assert.Empty(Directory.GetFiles(locks));
            Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
        }
        finally
        {
            File.Delete(big);
        }
    }

    [Fact]
    public void The_version_and_the_help_are_shown()
    {
        Assert.Contains("7.6.9", Run(["-Version"]).Output, StringComparison.Ordinal);
        Assert.Contains("-NonInteractive", Run(["-Help"]).Output, StringComparison.Ordinal);
    }
}
