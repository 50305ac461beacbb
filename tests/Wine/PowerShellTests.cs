using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Xunit;

namespace ImageBackup.Tests.Wine;

/// <summary>The module in the real PowerShell for Windows.</summary>
public sealed class PowerShellTests(WineHost wine) : IDisposable
{
    private const long SizeBytes = 48 << 20;
    private readonly List<NtfsVolume> _volumes = [];

    /// <summary>The longest takes two minutes on a machine that has nothing else to do.</summary>
    private static readonly TimeSpan s_pesterFileLimit = TimeSpan.FromMinutes(8);

    /// <summary>How Invoke-Suite.ps1 says that a file has ended.</summary>
    private const string FileEnds = "Pester file: ";

    internal static string? WhyNot => WineHost.WhyNot ?? (WineHost.Module is null ? "the module is not laid out in output/ (build.ps1)" : !Tool.Exists("script") ? "script is not installed (bsdutils)" : null);

    /// <summary>
    /// One file after another in one process, each with a time limit: .NET under Wine 8 now and then waits for ever when a conversion
    /// fails ("[int]'x'" is enough, without our module). A file that did not end is run once more, and the others after it, in another process; the
    /// second time it has failed. The closing lines, what was skipped and what was run twice are in this case's output: tests/Run
    /// counts from there.
    /// </summary>
    [Fact]
    public void The_Pester_suite_passes()
    {
        Assert.SkipUnless(WhyNot is null, WhyNot ?? "");
        List<string> left = [.. Directory.GetFiles(Path.Combine(WineHost.Root, "tests", "Pester"), "*.Tests.ps1").Select(f => Path.GetFileName(f)[..^".Tests.ps1".Length]).Order(StringComparer.Ordinal)];
        // For who works on a few of them.
        if (Environment.GetEnvironmentVariable("IMAGEBACKUP_WINE_PESTER") is { Length: > 0 } only)
            left.RemoveAll(file => !only.Split(',').Contains(file, StringComparer.Ordinal));
        Assert.NotEmpty(left);
        var failures = new List<string>();
        string? again = null;
        while (left.Count > 0)
        {
            string unfinished = RunPester(left, failures, out bool hangs);
            if (left.Count == 0)
                break;
            if (hangs && left[0] != again)
            {
                again = left[0];
                TestContext.Current.TestOutputHelper?.WriteLine($"{again}.Tests.ps1 is run again: it did not end. {unfinished}");
                continue;
            }
            failures.Add($"{left[0]} did not end: {unfinished}");
            left.RemoveAt(0);
        }
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    /// <summary>Runs files until one does not end; those that ended are taken off the list.</summary>
    /// <returns>The end of what was said after the last file that ended.</returns>
    private string RunPester(List<string> left, List<string> failures, out bool hangs)
    {
        string output;
        hangs = false;
        try
        {
            (_, output) = wine.PowerShell.Run(
                $"& '{WineHost.Windows(Path.Combine(WineHost.Root, "tests/Pester/Invoke-Suite.ps1"))}' -PesterPath '{WindowsPowerShell.Pester}' -Manifest '{WineHost.Windows(WineHost.Module!)}' -Name '{string.Join(',', left)}' -Each; exit $LASTEXITCODE",
                s_pesterFileLimit, goesOn: FileEnds);
        }
        catch (ProgramHangsException e)
        {
            wine.EndPrograms();
            output = WindowsPowerShell.Plain(e.Output);
            hangs = true;
        }
        var told = new StringBuilder();
        foreach (string line in output.Split('\n'))
        {
            if (line.Contains("Pester suite: ", StringComparison.Ordinal) || line.Contains("Pester skipped: ", StringComparison.Ordinal))
                TestContext.Current.TestOutputHelper?.WriteLine(line.Trim());
            told.Append(line).Append('\n');
            if (!line.StartsWith(FileEnds, StringComparison.Ordinal))
                continue;
            string[] fields = line[FileEnds.Length..].Split(": ");
            Assert.True(left.Remove(fields[0]), line);
            if (!fields[1].StartsWith("0 ", StringComparison.Ordinal))
                failures.Add($"{fields[0]}: {End()}");
            told.Clear();
        }
        return End();

        string End() => told.ToString(Math.Max(0, told.Length - 8_000), Math.Min(told.Length, 8_000));
    }

    /// <summary>A volume of Windows in a session: the module is found by name, snapshots are refused or replaced, passwords are the system's to protect.</summary>
    [Fact]
    public void A_volume_is_backed_up_and_restored()
    {
        Assert.SkipUnless(WhyNot is null, WhyNot ?? "");
        NtfsVolume source = Volume("session-source"), target = Volume("session-target");
        source.Format("SOURCE");
        source.Mount();
        source.Fill(11);
        SortedDictionary<string, string> before = source.Hashes();
        target.Format("TARGET");
        target.Mount();
        wine.Map('X', source.MountPoint, source.Device!);
        wine.Map('Y', target.MountPoint, target.Device!);
        string files = WineHost.Windows(Path.Combine(wine.Directory, "session"));

        (int exitCode, string output) = wine.PowerShell.Run($$"""
            $ErrorActionPreference = 'Stop'
            $ProgressPreference = 'SilentlyContinue'
            $env:PSModulePath = '{{WineHost.Windows(Path.Combine(WineHost.Root, "output"))}};' + $env:PSModulePath
            $files = (New-Item -ItemType Directory '{{files}}' -Force).FullName
            $password = ConvertTo-SecureString 'wine' -AsPlainText -Force
            # Nothing imports the module but its first command.
            $user = Export-ImageRepositoryPassword "$files\user" -Password $password
            $machine = Export-ImageRepositoryPassword "$files\machine" -Password $password -Scope LocalMachine
            "protected $([IO.File]::ReadAllText($user.FullName) -notmatch 'wine') $([IO.File]::ReadAllText($machine.FullName) -notmatch 'wine')"
            $env:RESTIC_PASSWORD = $null
            $null = Initialize-ImageRepository "$files\repository" -PasswordFile $user.FullName | Connect-ImageRepository
            try { Backup-VolumeImage X: -ImageType Snapshot -NoFailover } catch { "refused $($_.FullyQualifiedErrorId.Split(',')[0])" }
            $image = Backup-VolumeImage X: -ImageType Static
            "static $($image.ImageType) $($image.IsFuzzy) $($image.FileSystem)"
            $image | Export-Clixml "$files\image.clixml"
            $read = Import-Clixml "$files\image.clixml"
            "clixml $($read.Id -eq $image.Id) $("$read" -eq "$image")"
            $job = Backup-VolumeImage X: -ImageType Static -AsJob
            "job $(($job | Receive-Job -Wait -AutoRemoveJob).Volume)"
            $other = Start-Job { param($repository, $file) (Get-ImageBackup -Repository $repository -PasswordFile $file).Count } -ArgumentList "$files\repository", $machine.FullName
            "process $($other | Receive-Job -Wait -AutoRemoveJob)"
            "parallel $((1..2 | ForEach-Object -Parallel { @(Get-ImageBackup -Repository "$using:files\repository" -PasswordFile $using:user.FullName).Count }) -join ' ')"
            "help $((Get-Help Backup-VolumeImage -Full | Out-String).Contains('Backup-VolumeImage'))"
            $read | Restore-VolumeImage -Destination Y: -VerifyTarget -Confirm:$false | Out-Null
            'restored'
            """, TimeSpan.FromMinutes(15));
        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.Equal(0, exitCode);
        foreach (string line in new[]
        {
            "protected True True", "refused SnapshotUnavailable", "static Static False ntfs", "clixml True True", "job X:", "process 1", "parallel 1 1", "help True", "restored",
        })
            Assert.Contains(line, output, StringComparison.Ordinal);
        target.ProveEqual(before);
    }

    /// <summary>
    /// Owners and access lists of NTFS files. Wine keeps what the permissions of Unix can say: who may read a file is what the
    /// descriptor in the image says, and without -PreservePermissions what new files have.
    /// </summary>
    [Fact]
    public void Access_lists_of_files_are_restored()
    {
        Assert.SkipUnless(WhyNot is null, WhyNot ?? "");
        Assert.SkipUnless(Tool.Exists("setfattr"), "setfattr is not installed (attr)");
        NtfsVolume source = Volume("secured");
        source.Format("SECURED");
        source.Mount();
        // Owner and group: administrators. All for the owner; the second one: reading for everybody besides.
        const string administrators = "01020000000000052000000020020000", everybody = "010100000000000100000000";
        foreach ((string name, string entries, string counts) in new[]
        {
            ("closed", "00001800ff011f00" + administrators, "2000" + "0100"),
            ("open", "00001800ff011f00" + administrators + "0000140089001200" + everybody, "3400" + "0200"),
        })
        {
            string file = Path.Combine(source.MountPoint, name);
            File.WriteAllText(file, name);
            string list = $"0200{counts}0000{entries}";
            int owner = 20 + list.Length / 2, group = owner + administrators.Length / 2;
            Tool.Run("setfattr", "-n", "system.ntfs_acl", "-v", $"0x01000480{Little(owner)}{Little(group)}0000000014000000{list}{administrators}{administrators}", file);
        }
        source.Unmount();
        string files = Path.Combine(wine.Directory, "secured-files");
        (int exitCode, string output) = wine.PowerShell.Run($$"""
            $ErrorActionPreference = 'Stop'
            $env:PSModulePath = '{{WineHost.Windows(Path.Combine(WineHost.Root, "output"))}};' + $env:PSModulePath
            $env:RESTIC_PASSWORD = 'wine'
            $null = Initialize-ImageRepository '{{WineHost.Windows(files)}}\repository' | Connect-ImageRepository
            $image = Backup-VolumeImage '{{WineHost.Windows(source.Image)}}'
            foreach ($asked in $true, $false)
            {
                $result = $image | Restore-ImageItem -Path \ -Destination "{{WineHost.Windows(files)}}\$asked" -PreservePermissions:$asked -WarningVariable warnings -WarningAction SilentlyContinue
                "restored $asked $($result.FileCount) $($result.FailedCount)"
                $warnings | ForEach-Object { "warning $asked $_" }
            }
            """, TimeSpan.FromMinutes(15));
        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.Equal(0, exitCode);
        Assert.Contains("restored True 2 0", output, StringComparison.Ordinal);
        Assert.Contains("restored False 2 0", output, StringComparison.Ordinal);
        // The last digit is what others may.
        char Others(string asked, string name) => Tool.Run("stat", "-c", "%a", Path.Combine(files, asked, name)).Trim()[^1];
        Assert.Equal('0', Others("True", "closed"));
        Assert.Equal('4', Others("True", "open"));
        Assert.Equal(Others("False", "closed"), Others("False", "open"));
        Assert.DoesNotContain("access list could not be set", output, StringComparison.Ordinal);

        static string Little(int value) => Convert.ToHexString(BitConverter.GetBytes(value));
    }

    /// <summary>
    /// The ten points for a real Windows (tests/Windows), as far as Wine gets: the machine, a static image and its restore, the
    /// system's volume. The others are skipped there, so what is proven is that the script itself is right up to them.
    /// </summary>
    [Fact]
    public void The_list_for_a_real_Windows_runs_as_far_as_Wine_gets()
    {
        Assert.SkipUnless(WhyNot is null, WhyNot ?? "");
        NtfsVolume source = Volume("list-source"), target = Volume("list-target");
        source.Format("SOURCE");
        source.Mount();
        target.Format("TARGET");
        target.Mount();
        wine.Map('X', source.MountPoint, source.Device!);
        wine.Map('Y', target.MountPoint, target.Device!);
        (int exitCode, string output) = wine.PowerShell.Run(
            $"$env:IMAGEBACKUP_TEST_VOLUMES = 'X:,Y:'; & '{WineHost.Windows(Path.Combine(WineHost.Root, "tests/Pester/Invoke-Suite.ps1"))}' -Tag Windows -PesterPath '{WindowsPowerShell.Pester}' -Manifest '{WineHost.Windows(WineHost.Module!)}'; exit $LASTEXITCODE",
            s_pesterFileLimit);
        TestContext.Current.TestOutputHelper?.WriteLine(output.Replace("Pester suite: ", "List: ", StringComparison.Ordinal).Replace("Pester skipped: ", "List skipped: ", StringComparison.Ordinal));
        Assert.Equal(0, exitCode);
        Assert.Contains("3 passed, 0 failed", output, StringComparison.Ordinal);
        source.Mount();
        SortedDictionary<string, string> files = source.Hashes();
        Assert.Equal(54, files.Count);
        target.ProveEqual(files);
    }

    /// <summary>Wine keeps no events to be read: what it is given, and as what, its debug output tells.</summary>
    [Fact]
    public void The_event_log_is_told_of_an_image_and_of_a_failure()
    {
        Assert.SkipUnless(WhyNot is null, WhyNot ?? "");
        string files = WineHost.Windows(Path.Combine(wine.Directory, "events"));
        (int exitCode, string output) = wine.PowerShell.Run($$"""
            $ErrorActionPreference = 'Stop'
            $ProgressPreference = 'SilentlyContinue'
            $files = (New-Item -ItemType Directory '{{files}}' -Force).FullName
            # The tests' own environment has the logs off.
            $env:IMAGEBACKUP_LOG = $files
            Import-Module '{{WineHost.Windows(WineHost.Module!)}}'
            [IO.File]::WriteAllBytes("$files\volume.img", [byte[]]::new(1MB))
            $null = Initialize-ImageRepository "$files\repository" | Connect-ImageRepository
            $null = Backup-VolumeImage "$files\volume.img" -ImageType Dynamic -WarningAction SilentlyContinue
            try { Backup-VolumeImage "$files\volume.img" -ImageType Snapshot -NoFailover } catch { "refused $($_.FullyQualifiedErrorId.Split(',')[0])" }
            """, TimeSpan.FromMinutes(5), traced: "eventlog,+advapi");
        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.Equal(0, exitCode);
        Assert.Contains("refused SnapshotUnavailable", output, StringComparison.Ordinal);
        Assert.Contains("RegisterEventSourceW ((null),L\"ImageBackup\")", output, StringComparison.Ordinal);
        // Information and error, by their numbers: ImageTaken and BackupFailed.
        Assert.Matches(@"ReportEventW \([0-9A-F]+,0x0004,0x0000,0x000003e8,", output);
        Assert.Matches(@"trace:eventlog:ReportEventW L""The image [0-9a-f]{8} of ", output);
        Assert.Matches(@"ReportEventW \([0-9A-F]+,0x0001,0x0000,0x00000bb8,", output);
        Assert.Matches(@"err:eventlog:ReportEventW L""The backup of .* failed: Cannot take a snapshot of ", output);
    }

    /// <summary>
    /// A machine whose policy lets only trusted files do all (AppLocker, WDAC): PowerShell's own switch for tests of that, which
    /// trusts what lies below a folder named System32.
    /// </summary>
    [Fact]
    public void A_trusted_folder_serves_a_session_of_constrained_language()
    {
        Assert.SkipUnless(WhyNot is null, WhyNot ?? "");
        string trusted = Path.Combine(wine.Directory, "System32", "ImageBackup"), version = Path.GetDirectoryName(WineHost.Module!)!;
        Directory.CreateDirectory(trusted);
        Directory.CreateSymbolicLink(Path.Combine(trusted, Path.GetFileName(version)), version);
        string manifest = WineHost.Windows(Path.Combine(trusted, Path.GetFileName(version), "ImageBackup.psd1"));
        string files = WineHost.Windows(Path.Combine(wine.Directory, "constrained"));
        wine.SetMachineVariable("__PSLockdownPolicy", "4");
        try
        {
            (int exitCode, string output) = wine.PowerShell.Run($$"""
                $ErrorActionPreference = 'Stop'
                $ProgressPreference = 'SilentlyContinue'
                "language $($ExecutionContext.SessionState.LanguageMode)"
                Import-Module '{{manifest}}'
                "commands $(@(Get-Command -Module ImageBackup).Count -gt 30)"
                $null = New-Item -ItemType Directory '{{files}}' -Force
                Set-Content '{{files}}\volume.img' ('a volume ' * 1000)
                $null = Initialize-ImageRepository '{{files}}\repository' | Connect-ImageRepository
                $image = Backup-VolumeImage '{{files}}\volume.img' -ImageType Dynamic -WarningAction SilentlyContinue
                Get-ImageBackup | Format-Table | Out-String
                Get-ImageBackup | Format-List | Out-String
                "named $(@(Get-ImageBackup | Where-Object Size -GT 1).Count) $((Test-ImageRepository).Result)"
                """, TimeSpan.FromMinutes(5));
            TestContext.Current.TestOutputHelper?.WriteLine(output);
            Assert.Equal(0, exitCode);
            foreach (string line in new[] { "language ConstrainedLanguage", "commands True", "Dynamic, fuzzy", "named 1 healthy" })
                Assert.Contains(line, output, StringComparison.Ordinal);
            Assert.DoesNotContain("#ERR", output, StringComparison.Ordinal);
        }
        finally
        {
            wine.SetMachineVariable("__PSLockdownPolicy", null);
        }
    }

    public void Dispose()
    {
        foreach (NtfsVolume volume in _volumes)
            volume.Dispose();
    }

    private NtfsVolume Volume(string name)
    {
        var volume = new NtfsVolume(wine.Directory, name, SizeBytes);
        _volumes.Add(volume);
        return volume;
    }
}
