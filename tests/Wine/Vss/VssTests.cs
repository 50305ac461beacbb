using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
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
        File.WriteAllLines(Vss.Script, [VssDouble.Volume('X', first.Device!, copy), VssDouble.Volume('Y', second.Device!, secondCopy), .. VssDouble.Writers]);
        (int exitCode, string output) = _wine.PowerShell.Run(s_begin + """
            $vss = Get-SnapshotProvider VSS
            "provider $($vss.IsUsable) $($vss.Description)"
            "writers $((Get-SnapshotProvider -Writers | ForEach-Object { "$_ [$($_.Components)]" }) -join ' / ')"
            $null = Initialize-ImageRepository "$script-repository" | Connect-ImageRepository
            $image = Backup-VolumeImage X: -ImageType Snapshot -NoFailover
            "image $($image.ImageType) $($image.IsFuzzy) $($image.SnapshotProvider) [$($image.Warnings)]"
            $null = Restore-VolumeImage $image -Destination "$script-restored" -Confirm:$false
            Move-Item "$script.log" "$script.first"
            $set = Get-ImageVolume X:, Y: | Backup-VolumeImage -ImageType Snapshot -NoFailover -SnapshotSet
            "set $($set.Count) $($set.SnapshotProvider)"
            """, s_limit, variables: Vss.Variables);
        TestContext.Current.TestOutputHelper?.WriteLine(output);
        Assert.Equal(0, exitCode);
        foreach (string line in new[]
        {
            "provider True Windows Volume Shadow Copy Service; applications (writers) take part; by the module's own requester; not by AlphaVSS: AlphaVSS is not beside the module",
            @"writers Registry Writer: stable [Registry Registry\Hive] / SqlServerWriter: stable [server\data]", "image Snapshot False VSS []", "set 2 VSS VSS",
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
        string[] setLog = File.ReadAllLines(Vss.Log);
        VssDouble.ProveClean("two volumes", setLog);
        Assert.Single(setLog, line => line == "StartSnapshotSet");
        Assert.Equal(2, setLog.Count(line => line == "AddToSnapshotSet"));
        Assert.False(Vss.HasSet);
        // What was stored is the volume at the moment of the copy: the copy's used blocks.
        Tool.Run("ntfsfix", "--no-action", Script("-restored"));
        Tool.Run("cmp", "--quiet", "--bytes=4096", Script("-restored"), copy);
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
