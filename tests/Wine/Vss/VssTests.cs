using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Xunit;

namespace ImageBackup.Tests.Wine.Vss;

/// <summary>
/// The module's requester against a native vssapi.dll made from the public header, in the real PowerShell for Windows: the order of the
/// methods, the calling convention, strings, ids, references. It proves nothing of Windows' own VSS.
/// </summary>
public sealed class VssTests : IDisposable
{
    private const long SizeBytes = 24 << 20;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    /// <summary>The library is loaded for what it says of directories' owners (see vssapi.cpp).</summary>
    private static readonly string s_begin = $$"""
        $ErrorActionPreference = 'Stop'
        $ProgressPreference = 'SilentlyContinue'
        $null = [Runtime.InteropServices.NativeLibrary]::Load('C:\windows\system32\vssapi.dll')
        Import-Module '{{WineHost.Windows(WineHost.Module ?? "")}}'
        $script = $env:IMAGEBACKUP_TEST_VSS

        """;

    private readonly WineHost _wine;
    private readonly List<NtfsVolume> _volumes = [];
    private readonly List<string> _devices = [];
    private VssDouble? _vss;

    public VssTests(WineHost wine) => _wine = wine;

    private static string? WhyNot => PowerShellTests.WhyNot ?? VssDouble.WhyNot;

    private VssDouble Vss => _vss ??= new VssDouble(_wine);

    [Fact]
    public void Volumes_are_imaged_from_snapshots_in_which_writers_take_part()
    {
        Assert.SkipUnless(WhyNot is null, WhyNot ?? "");
        NtfsVolume first = Volume("vss-first", "FIRST", 'X'), second = Volume("vss-second", "SECOND", 'Y');
        string copy = Copy(first), secondCopy = Copy(second);
        File.Delete(Vss.Log);
        File.WriteAllLines(Vss.Script, [VssDouble.Volume('X', first.Device!, copy), VssDouble.Volume('Y', second.Device!, secondCopy), .. VssDouble.Writers]);
        (int exitCode, string output) = _wine.PowerShell.Run(s_begin + """
            $vss = Get-SnapshotProvider VSS
            "provider $($vss.IsUsable) $($vss.Description)"
            "writers $((Get-SnapshotProvider -Writers | ForEach-Object { "$_ [$($_.Components)]" }) -join ' / ')"
            $null = Initialize-ImageRepository "$script-repository" | Connect-ImageRepository
            $image = Backup-VolumeImage X: -ImageType Snapshot -NoFailover
            "image $($image.ImageType) $($image.IsFuzzy) $($image.SnapshotProvider) [$($image.Warnings)]"
            "in it $((Get-ImageBackup | Select-Object -Last 1).SnapshotWriters | ForEach-Object { "$($_.Name) $($_.State): $($_.Components)" })"
            $null = Restore-VolumeImage $image -Destination "$script-restored" -Confirm:$false
            Move-Item "$script.log" "$script.first"
            $set = Get-ImageVolume X:, Y: | Backup-VolumeImage -ImageType Snapshot -NoFailover -SnapshotSet
            "set $($set.Count) $($set.SnapshotProvider)"
            Move-Item "$script.log" "$script.second"
            $alone = Backup-VolumeImage X: -ImageType Snapshot -NoFailover -NoWriters
            "alone [$($alone.Warnings)] [$($alone.SnapshotWriters)]"
            Move-Item "$script.log" "$script.alone"
            "of X: $((Get-ImageVolume X:).ImageType)"
            # Somebody writes to the volume all the time: before, while and after the snapshot is made and read.
            $writer = Start-ThreadJob { for ($i = 0; $true; $i++) { [IO.File]::WriteAllText("X:\writer$($i % 7).txt", "$i " * (500 + $i % 5000)); Start-Sleep -Milliseconds 3 } }
            while (-not (Test-Path X:\writer3.txt)) { Start-Sleep -Milliseconds 20 }
            $moving = Backup-VolumeImage X: -ImageType Snapshot -NoFailover -GapSize 0 -SnapshotBackupType Full
            $running = $writer.State
            $writer | Remove-Job -Force
            $null = Restore-VolumeImage $moving -Destination "$script-moving" -Confirm:$false
            "moving $running $(($moving.Options | Where-Object Name -eq SnapshotBackupType).Value)"
            Move-Item "$script.log" "$script.moving"
            # At the call: what the double copied stays as it is.
            Add-Content $script 'fail DoSnapshotSet|0|0x80042306'
            $failover = Backup-VolumeImage X: -ImageType Snapshot
            "failover $($failover.ImageType) $($failover.FailoverReason)"
            Set-Content $script (Get-Content $script | Where-Object { $_ -notmatch '^volume X' })
            "of X: $((Get-ImageVolume X:).ImageTypeReason)"
            """, s_limit, variables: Vss.Variables);
        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.Equal(0, exitCode);
        foreach (string line in new[]
        {
            "provider True Windows Volume Shadow Copy Service; applications (writers) take part; by the module's own requester; not by AlphaVSS: AlphaVSS is not beside the module",
            @"writers Registry Writer: stable [Registry Registry\Hive] / SqlServerWriter: stable [server\data]", "image Snapshot False VSS []", "of X: Snapshot", "moving Running full", "failover Static VSS cannot take a snapshot of 'X:': DoSnapshotSet: the snapshot provider refused", "VSS does not support 'X:'", "set 2 VSS VSS", "alone [No application took part in the snapshot: its content is as after a crash.] []", @"in it Registry Writer stable: Registry Registry\Hive SqlServerWriter stable:",
        })
            Assert.Contains(line, output, StringComparison.Ordinal);
        string[] log = File.ReadAllLines(Script(".first"));
        VssDouble.ProveClean("one volume", log);
        int start = Array.IndexOf(log, "StartSnapshotSet");
        Assert.Equal(
            ["InitializeForBackup", "SetContext 0x0", "SetBackupState 1 1 5 0", "GatherWriterMetadata"],
            log[..start].Skip(Array.LastIndexOf(log, "CreateVssBackupComponents") + 1).Take(4));
        Assert.Equal(
            [
                "StartSnapshotSet", "AddToSnapshotSet", "AddComponent Registry Writer: 2 |Registry", "PrepareForBackup", "GatherWriterStatus", "DoSnapshotSet",
                "GatherWriterStatus", "GetSnapshotProperties", "SaveAsXML", "SetBackupSucceeded Registry Writer: 2 |Registry yes", "BackupComplete", "GatherWriterStatus", "DeleteSnapshots 2 1",
            ],
            log[start..].Where((line, i) => !line.StartsWith("GetWriterStatus", StringComparison.Ordinal) && !line.StartsWith("Free", StringComparison.Ordinal)
                && !line.StartsWith("gone", StringComparison.Ordinal) && !(line == "GetSnapshotProperties" && log[start + i - 1] == line)
                && !(line == "GetSnapshotProperties" && log[start + i - 1] == "SaveAsXML")));
        string[] setLog = File.ReadAllLines(Script(".second"));
        VssDouble.ProveClean("two volumes", setLog);
        Assert.Single(setLog, line => line == "StartSnapshotSet");
        Assert.Equal(2, setLog.Count(line => line == "AddToSnapshotSet"));
        string[] aloneLog = File.ReadAllLines(Script(".alone"));
        VssDouble.ProveClean("without writers", aloneLog);
        Assert.Contains("SetContext 0x10", aloneLog);
        Assert.Contains("SetBackupState 0 1 5 0", aloneLog);
        Assert.DoesNotContain("GatherWriterMetadata", aloneLog);
        // The whole image equals the volume at the moment of the snapshot, byte by byte; the volume went on.
        string[] movingLog = File.ReadAllLines(Script(".moving"));
        VssDouble.ProveClean("while somebody writes", movingLog);
        Assert.Contains("SetBackupState 1 1 1 0", movingLog);
        Tool.Run("cmp", "--bytes", $"{SizeBytes}", Script("-moving"), copy);
        Assert.False(File.ReadAllBytes(first.Device!).AsSpan(0, (int)SizeBytes).SequenceEqual(File.ReadAllBytes(copy).AsSpan(0, (int)SizeBytes)));
        Assert.False(Vss.HasSet);
        Tool.Run("ntfsfix", "--no-action", Script("-restored"));
    }

    /// <summary>The netstandard2.0 build, in the same PowerShell: calls through the tables are one code for both.</summary>
    [Fact]
    public void The_other_build_speaks_to_it_too()
    {
        Assert.SkipUnless(WhyNot is null, WhyNot ?? "");
        NtfsVolume volume = Volume("vss-other", "OTHER", 'X');
        File.WriteAllLines(Vss.Script, [VssDouble.Volume('X', volume.Device!, Copy(volume)), .. VssDouble.Writers]);
        File.Delete(Vss.Log);
        string module = Path.Combine(_wine.Directory, "netstandard", "ImageBackup"), source = Path.GetDirectoryName(WineHost.Module!)!;
        Directory.CreateDirectory(module);
        foreach (string entry in Directory.GetFileSystemEntries(source).Where(entry => Path.GetFileName(entry) != "net10.0"))
            File.CreateSymbolicLink(Path.Combine(module, Path.GetFileName(entry)), entry);
        string begin = s_begin.Replace(WineHost.Windows(source), WineHost.Windows(module), StringComparison.Ordinal);
        (int exitCode, string output) = _wine.PowerShell.Run(begin + """
            "build $((Get-Command Test-SnapshotProvider).ImplementingType.Assembly.Location -replace '^.*(netstandard2.0).*$', '$1') $((Test-SnapshotProvider X: -Name VSS).IsGood)"
            """, s_limit, variables: Vss.Variables);
        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.Equal(0, exitCode);
        Assert.Contains("build netstandard2.0 True", output, StringComparison.Ordinal);
        VssDouble.ProveClean("netstandard2.0", File.ReadAllLines(Vss.Log));
    }

    /// <summary>
    /// Each case is a script of the double, a name, and what comes of it; all in one session. A case whose set was started ends with
    /// an abort or a completion, and none leaves a set, a reference or a string.
    /// </summary>
    [Fact]
    public void Whatever_fails_is_named_and_undone()
    {
        Assert.SkipUnless(WhyNot is null, WhyNot ?? "");
        NtfsVolume volume = Volume("vss-cases", "CASES", 'X');
        string line = VssDouble.Volume('X', volume.Device!, Copy(volume));
        string folder = Directory.CreateDirectory(Path.Combine(_wine.Directory, "vss-cases")).FullName;
        IReadOnlyList<VssCase> cases = VssCase.All;
        foreach (VssCase one in cases)
            File.WriteAllLines(Path.Combine(folder, one.Name + ".txt"), [line, .. VssDouble.Writers, .. one.Lines]);
        (int exitCode, string output) = _wine.PowerShell.Run(s_begin + $$"""
            $impatient = "$env:ProgramData\ImageBackup\vss-impatient.json"
            Set-SnapshotProvider -SnapshotTimeoutSeconds {{VssCase.HangSeconds}} -WriterRetries 1 -Path $impatient
            $patient = "$env:ProgramData\ImageBackup\vss-patient.json"
            Set-SnapshotProvider -SnapshotTimeoutSeconds {{VssCase.PatientSeconds}} -WriterRetries 1 -Path $patient
            foreach ($case in Get-ChildItem '{{WineHost.Windows(folder)}}' -Filter *.txt | Sort-Object Name) {
                Copy-Item $case.FullName $script -Force
                Remove-Item "$script.log" -ErrorAction Ignore
                $killer = $null
                if ($case.BaseName -match '^killed-at-(.*)$') {
                    $killer = Start-ThreadJob -ArgumentList "$script.log", $Matches[1], $PID {
                        param($log, $phrase, $own)
                        while (-not (Test-Path $log) -or -not (Select-String -LiteralPath $log -SimpleMatch $phrase -Quiet)) { Start-Sleep -Milliseconds 50 }
                        Get-Process pwsh | Where-Object Id -ne $own | Stop-Process -Force
                    }
                }
                $result = Test-SnapshotProvider X: -Name VSS -Path $(if ($case.BaseName -match '{{VssCase.HangNames}}') { $impatient } else { $patient })
                "case $($case.BaseName)|$($result.IsGood)|$($result.Fault)|$($result.Warnings)|set $((Test-Path "$script.set") -or (Test-Path "$script.progress"))|orphans $(@((Get-SnapshotProvider VSS).Orphans).Count)"
                if ($killer) { $null = $killer | Receive-Job -Wait -AutoRemoveJob }
                Move-Item "$script.log" ($case.FullName + '.log') -Force
            }
            # Not one of ours at the other end of the pipe.
            $start = [Diagnostics.ProcessStartInfo]::new((Join-Path $PSHOME pwsh.exe))
            $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
            $start.Environment['DOTNET_STARTUP_HOOKS'] = (Get-Module ImageBackup).ModuleBase + '\net10.0\ImageBackup.Vss.Requester.dll'
            $process = [Diagnostics.Process]::Start($start)
            $bytes = [byte[]]::new(10000)
            [Random]::new(1).NextBytes($bytes)
            try { $process.StandardInput.BaseStream.Write($bytes); $process.StandardInput.Close() } catch { }
            "hostile $($process.WaitForExit(30000)) $($process.ExitCode) $($process.StandardError.ReadToEnd().Trim())"
            """, s_limit, variables: Vss.Variables);
        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.Equal(0, exitCode);
        foreach (VssCase one in cases)
        {
            string told = output.Split('\n').FirstOrDefault(each => each.StartsWith($"case {one.Name}|", StringComparison.Ordinal)) ?? "";
            one.Prove(told, File.ReadAllLines(Path.Combine(folder, one.Name + ".txt.log")));
        }
        Assert.Contains("hostile True 2 The requester ends: a frame of ", output, StringComparison.Ordinal);
    }

    /// <summary>The process that runs the module is ended by force while it takes a set, and while it holds one.</summary>
    [Fact]
    public void A_killed_PowerShell_leaves_no_snapshot()
    {
        Assert.SkipUnless(WhyNot is null, WhyNot ?? "");
        NtfsVolume volume = Volume("vss-killed", "KILLED", 'X');
        string line = VssDouble.Volume('X', volume.Device!, Copy(volume));
        foreach ((string phase, string wait, string end) in new[]
        {
            ("GatherWriterMetadata", "asyncdelay GatherWriterMetadata|0|60000", "Cancel GatherWriterMetadata"),
            ("AddToSnapshotSet", "delay AddToSnapshotSet|0|1500", "AbortBackup"),
            ("PrepareForBackup", "asyncdelay PrepareForBackup|0|60000", "AbortBackup"),
            ("DoSnapshotSet", "asyncdelay DoSnapshotSet|0|60000", "AbortBackup"),
            ("SaveAsXML", "delay GetSnapshotProperties|2|1500", "DeleteSnapshots 2 1"),
        })
        {
            File.WriteAllLines(Vss.Script, [line, .. VssDouble.Writers, wait]);
            File.Delete(Vss.Log);
            (int exitCode, string output) = _wine.PowerShell.Run(s_begin + $$"""
                $null = Start-ThreadJob -ArgumentList "$script.log", $PID {
                    param($log, $own)
                    while (-not (Test-Path $log) -or -not (Select-String -LiteralPath $log -SimpleMatch '{{phase}}' -Quiet)) { Start-Sleep -Milliseconds 50 }
                    Start-Sleep -Milliseconds 300
                    [Diagnostics.Process]::GetCurrentProcess().Kill()
                }
                Test-SnapshotProvider X: -Name VSS
                'not killed'
                """, s_limit, variables: Vss.Variables);
            TestContext.Current.TestOutputHelper?.WriteLine(output);
            Assert.DoesNotContain("not killed", output, StringComparison.Ordinal);
            Assert.NotEqual(0, exitCode);
            Assert.True(SpinWait.SpinUntil(() => !Vss.HasSet && File.ReadAllText(Vss.Log) is var text && text.EndsWith("infos\n", StringComparison.Ordinal)
                && text[Math.Max(0, text.LastIndexOf($"\n{phase}\n", StringComparison.Ordinal))..].Contains(end, StringComparison.Ordinal), TimeSpan.FromSeconds(30)),
                $"{phase}: {File.ReadAllText(Vss.Log)}");
            VssDouble.ProveClean(phase, File.ReadAllLines(Vss.Log));
        }
        File.WriteAllLines(Vss.Script, [line, .. VssDouble.Writers]);
        (_, string after) = _wine.PowerShell.Run(s_begin + """
            "orphans $(@((Get-SnapshotProvider VSS).Orphans).Count)"
            Repair-ImageVolume -Confirm:$false | Out-Null
            "then $(@((Get-SnapshotProvider VSS).Orphans).Count)"
            """, s_limit, variables: Vss.Variables);
        TestContext.Current.TestOutputHelper?.WriteLine(after);
        Assert.Contains("orphans 1", after, StringComparison.Ordinal);
        Assert.Contains("then 0", after, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        foreach (string device in _devices)
            Tool.Run("losetup", "--detach", device);
        foreach (char letter in "XY")
            _wine.Unmap(letter);
        foreach (NtfsVolume volume in _volumes)
            volume.Dispose();
        _vss?.Dispose();
    }

    private string Script(string suffix) => Vss.Script + suffix;

    private NtfsVolume Volume(string name, string label, char letter)
    {
        var volume = new NtfsVolume(_wine.Directory, name, SizeBytes);
        _volumes.Add(volume);
        volume.Format(label);
        // Two that are made within a second have the same.
        Tool.Run("ntfslabel", $"--new-serial={letter - 'A':X16}", volume.Image);
        volume.Mount();
        volume.Fill(5);
        _wine.Map(letter, volume.MountPoint, volume.Device!);
        return volume;
    }

    /// <summary>A device as large, for its snapshot.</summary>
    private string Copy(NtfsVolume volume)
    {
        string image = volume.Image + ".copy";
        using (FileStream stream = File.Create(image))
            stream.SetLength(SizeBytes);
        string device = Tool.Run("losetup", "--find", "--show", image).Trim();
        _devices.Add(device);
        return device;
    }
}
