using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using ImageBackup.Engine.Blocks;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems;

/// <summary>What the reader of a file system that this kernel mounts has to stand, whatever the file system.</summary>
internal static class VolumeProof
{
    private const long MiB = 1 << 20;

    /// <summary>A copy with noise in all that the map calls free passes the file system's own check and has every file.</summary>
    /// <param name="folder">Where the copy goes.</param>
    /// <param name="image">The volume, unmounted.</param>
    /// <param name="type">As mount knows it.</param>
    /// <param name="map">The volume's map.</param>
    /// <param name="check">The file system's own check, of a path; throws if it finds something.</param>
    /// <param name="sectorSizeBytes">Of the loop device.</param>
    public static void SurvivesNoise(TestFolder folder, string image, string type, UsedRangeMap map, Action<string> check, int sectorSizeBytes = 512)
    {
        string copy = folder.File("copy.img");
        Tool.Run("cp", "--sparse=always", image, copy);
        UsedRangeProof.FillFreeWithNoise(copy, map);
        check(copy);
        SortedDictionary<string, string> expected = Hashes(image, type, "ro", sectorSizeBytes);
        Assert.NotEmpty(expected);
        Assert.Equal(expected, Hashes(copy, type, "ro", sectorSizeBytes));
    }

    /// <summary>A volume that was not unmounted has every file after noise, its log's replay and a check.</summary>
    public static void RecoversAfterNoise(string crashed, string type, UsedRangeMap map, SortedDictionary<string, string> expected, Action<string> check)
    {
        UsedRangeProof.FillFreeWithNoise(crashed, map);
        Assert.Equal(expected, Hashes(crashed, type, "rw", sectorSizeBytes: 512));
        check(crashed);
    }

    /// <summary>The description, which blkid agrees with, of a volume that was cleanly unmounted.</summary>
    public static FileSystemDescription DescribedAsByBlkid(string image)
    {
        FileSystemDescription description = UsedRangeProof.Probe(image);
        Assert.Equal(Blkid(image, "TYPE"), description.Type);
        Assert.Equal(Blkid(image, "UUID"), description.Uuid);
        Assert.True(description.IsClean);
        return description;
    }

    /// <summary>partclone's map of the volume, all of which is in ours. Gives the bytes that only ours has.</summary>
    public static long BytesBeyondPartclone(TestFolder folder, string image, string partclone, UsedRangeMap map)
    {
        string peer = folder.File("peer.map");
        File.Delete(peer);
        Tool.Run(partclone, "-D", "-s", image, "-o", peer, "-L", folder.File("peer.log"));
        List<ByteRange> used = UsedRangeProof.ReadPartcloneMap(peer);
        Assert.Equal(0, UsedRangeProof.MissingBytes(used, map));
        long peerBytes = 0;
        foreach (ByteRange range in used)
            peerBytes += range.LengthBytes;
        return map.UsedBytes - peerBytes;
    }

    /// <summary>The map of a volume of many TiB, read within the 5 seconds and the 200 MB that are promised for it.</summary>
    public static UsedRangeMap ReadWithinBounds(string image)
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        var clock = Stopwatch.StartNew();
        UsedRangeMap map = UsedRangeProof.Read(image);
        double seconds = clock.Elapsed.TotalSeconds;
        long allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        TestContext.Current.SendDiagnosticMessage($"{new FileInfo(image).Length >> 40} TiB: {seconds:F2} s, {allocated / MiB} MiB allocated, {map.Ranges.Count} ranges");
        Assert.InRange(seconds, 0, 5);
        Assert.InRange(allocated, 0, 200 * MiB);
        return map;
    }

    private static string Blkid(string image, string tag) => Tool.Run("blkid", "-p", "-s", tag, "-o", "value", image).Trim();

    private static SortedDictionary<string, string> Hashes(string image, string type, string options, int sectorSizeBytes)
    {
        using var mount = new LoopMount(image, type, options, sectorSizeBytes);
        return FileTree.Hash(mount.Path);
    }
}
