using System;
using System.Collections.Generic;
using System.IO;
using Xunit;

namespace ImageBackup.Tests.Wine;

/// <summary>
/// Volumes through the Windows code, on a Windows that is Wine: no VSS, no Win32_ShadowCopy, so that a snapshot that is asked for
/// falls over to a volume that is locked, dismounted, copied and unlocked.
/// </summary>
public sealed class VolumeTests(WineHost wine) : IDisposable
{
    private const long SizeBytes = 48 << 20;
    private readonly List<NtfsVolume> _volumes = [];

    /// <summary>The three ways in which a volume is named; one repository, one restore after each.</summary>
    [Theory]
    [InlineData("letter", "'X:'")]
    [InlineData("guid", "(Get-ImageVolume X:).Aliases[0]")]
    [InlineData("object", "$object")]
    public void Backed_up_by_failover_and_restored(string how, string volume)
    {
        Assert.SkipUnless(WineHost.WhyNot is null, WineHost.WhyNot ?? "");
        NtfsVolume source = Volume("source-" + how);
        source.Format("SOURCE");
        source.Mount();
        source.Fill(how.Length);
        SortedDictionary<string, string> before = source.Hashes();
        wine.Map('X', source.MountPoint, source.Device!);
        string repository = Path.Combine(wine.Directory, "repository-" + how);

        (int exitCode, string output) = wine.Run($$"""
            $null = Initialize-ImageRepository -Path '{{WineHost.Windows(repository)}}'
            Connect-ImageRepository -Repository '{{WineHost.Windows(repository)}}' | Out-Null
            foreach ($provider in Get-SnapshotProvider) { "provider $($provider.Name) usable=$($provider.IsUsable) $($provider.WhyNot)" }
            $v = Get-ImageVolume X:
            # As the Storage module's Get-Volume gives them: Path is the volume's GUID name.
            $object = [pscustomobject]@{ PSTypeName = 'Microsoft.Management.Infrastructure.CimInstance#ROOT/Microsoft/Windows/Storage/MSFT_Volume'
                DriveLetter = [char]'X'; Path = $v.Aliases[0]; FileSystemType = 'NTFS'; FileSystemLabel = 'SOURCE'; Size = $v.SizeBytes }
            $image = {{volume}} | Backup-VolumeImage -ImageType Snapshot -WarningAction SilentlyContinue -ErrorAction Stop
            "image volume=$($image.Volume) type=$($image.ImageType) asked=$($image.RequestedImageType) fuzzy=$($image.IsFuzzy) fs=$($image.FileSystem)"
            "failover $($image.FailoverReason)"
            "quiesced $($image.QuiescedBy)"
            foreach ($file in [Diagnostics.Process]::GetCurrentProcess().Modules) { if ($file.ModuleName -eq 'libzstd.dll') { 'zstd by the C library' } }
            """);
        Assert.Equal(0, exitCode);
        Assert.Contains("provider VSS usable=False not by AlphaVSS: AlphaVSS is not beside the module", output, StringComparison.Ordinal);
        Assert.Contains("provider WMI usable=False", output, StringComparison.Ordinal);
        Assert.Contains("image volume=X: type=Static asked=Snapshot fuzzy=False fs=ntfs", output, StringComparison.Ordinal);
        Assert.Matches("failover .*VSS: .*WMI: ", output);
        Assert.Contains("quiesced locked and dismounted", output, StringComparison.Ordinal);
        Assert.Contains("zstd by the C library", output, StringComparison.Ordinal);

        // Nothing of the backup is left on the volume, and it can be used again.
        source.Mount();
        Assert.Equal(before, source.Hashes());
        source.Unmount();

        NtfsVolume target = Volume("target-" + how);
        target.Format("TARGET");
        target.Mount();
        File.WriteAllBytes(Path.Combine(target.MountPoint, "noise"), new byte[100_000]);
        wine.Map('Y', target.MountPoint, target.Device!);
        (exitCode, output) = wine.Run($$"""
            Connect-ImageRepository -Repository '{{WineHost.Windows(repository)}}' | Out-Null
            Get-ImageBackup | Restore-VolumeImage -Destination Y: -VerifyTarget -Confirm:$false -ErrorAction Stop | Out-Null
            'restored'
            """);
        Assert.Equal(0, exitCode);
        Assert.Contains("restored", output, StringComparison.Ordinal);
        target.ProveEqual(before);
    }

    /// <summary>
    /// An open file Wine does not show: it grants every lock, shares every device, and calls a volume dismounted whose unmounting
    /// failed. What must never be locked is found before.
    /// </summary>
    [Fact]
    public void The_repositorys_and_the_systems_volumes_are_never_locked()
    {
        Assert.SkipUnless(WineHost.WhyNot is null, WineHost.WhyNot ?? "");
        NtfsVolume source = Volume("needed");
        source.Format("NEEDED");
        source.Mount();
        wine.Map('X', source.MountPoint, source.Device!);
        (_, string output) = wine.Run("""
            $null = Initialize-ImageRepository -Path 'X:\repository'
            Connect-ImageRepository -Repository 'X:\repository' | Out-Null
            try { Backup-VolumeImage X: -ImageType Static -ErrorAction Stop } catch { "own $($_.FullyQualifiedErrorId)" }
            try { Backup-VolumeImage C: -ImageType Static -ErrorAction Stop } catch { "system $($_.FullyQualifiedErrorId)" }
            "images $(@(Get-ImageBackup).Count)"
            """);
        Assert.Contains("own VolumeNeeded", output, StringComparison.Ordinal);
        Assert.Contains("system VolumeNeeded", output, StringComparison.Ordinal);
        Assert.Contains("images 0", output, StringComparison.Ordinal);
        Assert.True(source.IsMounted);
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
