using System;
using System.Buffers.Binary;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.ExFat;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems;

/// <summary>A short run of the fuzzers; the long ones are tests/Fuzz.</summary>
public sealed class ReaderFuzzTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData("ntfs")]
    [InlineData("ntfs-extents")]
    public void Ntfs(string seed) => Fuzz(new NtfsReader(), seed, null);

    [Theory]
    [InlineData("fat12")]
    [InlineData("fat16")]
    [InlineData("fat32")]
    public void Fat(string seed) => Fuzz(new FatReader(), seed, null);

    [Fact]
    public void ExFat() => Fuzz(new ExFatReader(), "exfat", ExFatChecksum.Repair);

    private void Fuzz(IFileSystemReader reader, string seed, Action<PatchedVolume, Random>? repair)
    {
        var fuzzer = new ReaderFuzzer(reader, SeedImage.Load(seed), repair);
        fuzzer.Run(s_duration);
        output.WriteLine($"{fuzzer.RunCount} runs, {fuzzer.MapCount} maps, {fuzzer.RefusalCount} refusals");
        Assert.True(fuzzer.MapCount > 0 && fuzzer.RefusalCount > 0, "the mutations hit nothing, or everything");
    }
}
