using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Interop.FileSystems.Trees;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Ntfs;

/// <summary>Directories and files of NTFS against ntfs-3g, which writes and reads them.</summary>
public sealed class NtfsTreeTests
{
    private const string Options = "compression,streams_interface=xattr,special_files=wsl";
    private const NastyCases Cases = NastyCases.UnixNames | NastyCases.CaseTwins | NastyCases.HardLinks | NastyCases.SymbolicLinks | NastyCases.Devices | NastyCases.Sparse;
    private const OracleFields Fields = OracleFields.Modified | OracleFields.Accessed | OracleFields.Changed | OracleFields.Links | OracleFields.Inode | OracleFields.Device;

    [Theory]
    [InlineData(4096, 512)]
    [InlineData(512, 512)]
    [InlineData(65536, 4096)]
    public void TheTreeIsTheDrivers(int clusterSizeBytes, int sectorSizeBytes)
    {
        NtfsImages.RequireTools();
        using ImageFile image = NtfsImages.Create((400L + NastyTree.WantedNames / 100) << 20, clusterSizeBytes, sectorSizeBytes);
        using (var mount = new FuseMount("ntfs-3g", image, Options))
            NastyTree.Build(mount.Root, Cases, bigDirectoryCount: 1000);
        IFileTree tree = RequireSame(image);
        // The driver rounds what lies before 1970 to the wrong side.
        Assert.Equal(new FileTreeTime(-1, 999_999_900), Find(tree, "times", "-1").Modified);
        Assert.Equal(new FileTreeTime(-11_644_473_600, 123_456_700), Find(tree, "times", "-11644473600").Accessed);
    }

    /// <summary>The descriptor that the driver gives of each file, byte by byte, and the owner in it.</summary>
    [Fact]
    public void OwnersAreThoseOfTheDescriptors()
    {
        NtfsImages.RequireTools();
        Tool.Require("getfattr", "setfattr");
        using ImageFile image = NtfsImages.Create(60L << 20);
        var expected = new Dictionary<string, string?>();
        var descriptors = new Dictionary<string, string>();
        using (var mount = new FuseMount("ntfs-3g", image, Options))
        {
            File.WriteAllText($"{mount.Root}/plain", "x");
            Directory.CreateDirectory($"{mount.Root}/directory");
            for (int i = 0; i < 40; i++)
            {
                // O:S-1-5-21-1-2-3-(1000+i), without a list: everybody may do all.
                string owner = Convert.ToHexString([1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, (byte)((1000 + i) & 0xFF), (byte)((1000 + i) >> 8), 0, 0]);
                File.WriteAllText($"{mount.Root}/of {i}", "x");
                Tool.Shell($"setfattr -n system.ntfs_acl -v 0x0100008014000000300000000000000000000000{owner}{owner} '{mount.Root}/of {i}'");
                expected[$"of {i}"] = $"S-1-5-21-1-2-3-{1000 + i}";
            }
            foreach (string name in expected.Keys.Append("plain").Append("directory").ToArray())
            {
                descriptors[name] = Tool.Shell($"getfattr --only-values -n system.ntfs_acl '{mount.Root}/{name}' | od -An -v -tx1 | tr -d ' \n'").Trim().ToUpperInvariant();
                expected.TryAdd(name, NtfsSecurity.Owner(Convert.FromHexString(descriptors[name])));
            }
        }
        Assert.StartsWith("S-1-5-", expected["plain"], StringComparison.Ordinal);
        IFileTree tree = Open(image);
        var found = tree.List(tree.Root, TestContext.Current.CancellationToken).Where(entry => expected.ContainsKey(entry.Name)).ToDictionary(entry => entry.Name, entry => entry.OwnerSid);
        Assert.Equal(expected.OrderBy(pair => pair.Key, StringComparer.Ordinal), found.OrderBy(pair => pair.Key, StringComparer.Ordinal));
        foreach ((string name, string descriptor) in descriptors)
        {
            byte[]? read = ((ISecuredFileTree)tree).ReadSecurityDescriptor(tree.Find(tree.Root, name, TestContext.Current.CancellationToken)!);
            Assert.Equal(descriptor, Convert.ToHexString(read ?? []));
        }
        Assert.True(descriptors.Values.Distinct().Count() > 40, "The descriptors are all the same.");
    }

    [Fact]
    public void ADirectoryOfManyNamesIsRead()
    {
        NtfsImages.RequireTools();
        int count = Math.Max(6000, NastyTree.WantedNames);
        using ImageFile image = NtfsImages.Create(2000L << 20);
        using (var mount = new FuseMount("ntfs-3g", image, Options))
        {
            for (int i = 0; i < count; i++)
                File.Create($"{mount.Root}/a name that is long enough to need some room in an index {i}").Dispose();
        }
        IFileTree tree = Open(image);
        long start = Stopwatch.GetTimestamp();
        var numbers = new HashSet<ulong>();
        foreach (FileTreeEntry entry in tree.List(tree.Root, TestContext.Current.CancellationToken))
            Assert.True(numbers.Add(entry.FileId));
        TestContext.Current.TestOutputHelper?.WriteLine($"{count} in {Stopwatch.GetElapsedTime(start)}");
        Assert.Equal(count, numbers.Count);
        Assert.NotNull(tree.Find(tree.Root, "A NAME that is long enough to need some room in an index 3321", TestContext.Current.CancellationToken));
        Assert.Null(tree.Find(tree.Root, "a name that is long enough to need some room in an index 3321x", TestContext.Current.CancellationToken));
    }

    [Fact]
    public void CompressedFilesAreRead()
    {
        NtfsImages.RequireTools();
        Tool.Require("setfattr");
        using ImageFile image = NtfsImages.Create(200L << 20);
        using (var mount = new FuseMount("ntfs-3g", image, Options))
        {
            string folder = $"{mount.Root}/compressed";
            Directory.CreateDirectory(folder);
            Tool.Run("setfattr", "-h", "-n", "system.ntfs_attrib_be", "-v", "0x00000800", folder);
            string text = string.Concat(Enumerable.Range(0, 60_000).Select(i => $"line {i * 7 % 1000} of a text\n"));
            foreach (int length in new[] { 0, 1, 600, 4095, 4096, 65_535, 65_536, 65_537, 200_000, 1_000_001 })
                File.WriteAllText($"{folder}/text {length}", text[..length]);
            File.WriteAllBytes($"{folder}/zeros", new byte[300_000]);
            var random = new Random(1);
            var mixed = new byte[900_000];
            for (int i = 0; i < mixed.Length; i++)
                mixed[i] = i / 70_000 % 3 == 0 ? (byte)random.Next(256) : (byte)(i / 70_000 % 3 == 1 ? random.Next(3) : 0);
            File.WriteAllBytes($"{folder}/mixed", mixed);
            using (FileStream file = File.Create($"{folder}/holes"))
            {
                foreach (int offset in new[] { 0, 300_000, 310_000, 900_000 })
                {
                    file.Position = offset;
                    file.Write(mixed, 70_000, 20_000);
                }
            }
        }
        IFileTree tree = RequireSame(image);
        FileTreeEntry compressed = Find(tree, "compressed", "text 1000001");
        Assert.True(compressed.Attributes!.Value.HasFlag(FileAttributesOfWindows.Compressed));
        Assert.InRange(compressed.AllocatedBytes!.Value, 1, 500_000);
    }

    [Fact]
    public void StreamsReparsePointsAndWindowsCompressionAreRead()
    {
        NtfsImages.RequireTools();
        Tool.Require("setfattr");
        using ImageFile image = NtfsImages.Create(100L << 20);
        byte[] large = new byte[200_000];
        new Random(3).NextBytes(large);
        string wof = Path.Combine(AppContext.BaseDirectory, "Fixtures", "Wof");
        using (var mount = new FuseMount("ntfs-3g", image, Options.Replace("xattr", "windows", StringComparison.Ordinal)))
        {
            string root = mount.Root;
            File.WriteAllText($"{root}/streams", "content");
            File.WriteAllText($"{root}/streams:small", "a stream");
            File.WriteAllBytes($"{root}/streams:large", large);
            foreach ((string name, int algorithm) in new[] { ("xpress4k", 0), ("lzx", 1), ("xpress8k", 2), ("xpress16k", 3) })
            {
                using (FileStream file = File.Create($"{root}/{name}"))
                    file.SetLength(135_432);
                File.WriteAllBytes($"{root}/{name}:WofCompressedData", File.ReadAllBytes($"{wof}/{name}.bin"));
                SetReparse($"{root}/{name}", $"17000080 1000 0000 01000000 02000000 01000000 {algorithm:X2}000000");
            }
            File.WriteAllText($"{root}/in an image", "");
            SetReparse($"{root}/in an image", "17000080 1000 0000 01000000 01000000 01000000 00000000");
            File.WriteAllText($"{root}/deduplicated", "");
            SetReparse($"{root}/deduplicated", "13000080 0400 0000 00000000");
            Directory.CreateDirectory($"{root}/junction");
            string target = Convert.ToHexString(System.Text.Encoding.Unicode.GetBytes(@"\??\C:\Users"));
            SetReparse($"{root}/junction", $"030000A0 2400 0000 0000 1800 1A00 0000 {target} 0000 0000");
            Directory.CreateDirectory($"{root}/cloud");
            File.WriteAllText($"{root}/cloud/inside", "x");
            SetReparse($"{root}/cloud", "1A700090 0400 0000 00000000");
        }
        IFileTree tree = Open(image);
        Assert.Empty(tree.Notes);
        FileTreeEntry streams = Find(tree, "streams");
        Assert.Equal([new("large", large.Length), new("small", 8)], tree.ListStreams(streams).OrderBy(s => s.Name, StringComparer.Ordinal));
        Assert.Equal(large, Read(tree, streams, "large"));
        Assert.Equal("a stream"u8.ToArray(), Read(tree, streams, "small"));
        Assert.Equal("content"u8.ToArray(), Read(tree, streams));
        Assert.Throws<FileSystemFormatException>(() => tree.OpenData(streams, "none"));
        foreach (string name in new[] { "xpress4k", "xpress8k", "xpress16k", "lzx" })
        {
            FileTreeEntry file = Find(tree, name);
            Assert.Equal(FileTreeKind.File, file.Kind);
            Assert.Empty(tree.ListStreams(file));
            Assert.Equal("85E766153B4AF57BF9105299F0ED7BF23F5410ABA567FD561809EDCFF0BBBA90", Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(Read(tree, file))));
        }
        Assert.Contains("provider 1", Assert.Throws<FileSystemFormatException>(() => tree.OpenData(Find(tree, "in an image"))).Message);
        Assert.Contains("0x80000013", Find(tree, "deduplicated").Refusal);
        Assert.Contains("0x80000013", Assert.Throws<FileSystemFormatException>(() => tree.OpenData(Find(tree, "deduplicated"))).Message);
        Assert.Equal(FileTreeKind.SymbolicLink, Find(tree, "junction").Kind);
        Assert.Equal(@"C:\Users", tree.ReadLink(Find(tree, "junction")));
        Assert.Equal("x"u8.ToArray(), Read(tree, Find(tree, "cloud", "inside")));
        Assert.Equal("streams", tree.Find(tree.Root, "STREAMS", CancellationToken.None)?.Name);
    }

    // With IMAGEBACKUP_WRITE_SEEDS: the seed of FuzzedTreeTests.
    [Fact]
    public void TheSeedOfTheFuzzerIsWritten()
    {
        TreeSeed.Require("mkfs.ntfs", "ntfs-3g", "setfattr");
        using ImageFile image = NtfsImages.Create(8L << 20, 512);
        using (var mount = new FuseMount("ntfs-3g", image, Options))
        {
            TreeSeed.Fill(mount.Root);
            Directory.CreateDirectory($"{mount.Root}/compressed");
            Tool.Run("setfattr", "-h", "-n", "system.ntfs_attrib_be", "-v", "0x00000800", $"{mount.Root}/compressed");
            File.WriteAllText($"{mount.Root}/compressed/text", string.Concat(Enumerable.Range(0, 9000).Select(i => $"line {i * 7 % 1000}\n")));
            using (FileStream file = File.Create($"{mount.Root}/wof"))
                file.SetLength(135_432);
            byte[] stream = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "Wof", "xpress4k.bin"));
            File.WriteAllBytes($"{mount.Root}/stream", stream);
            Tool.Shell($"setfattr -n user.WofCompressedData -v 0x$(xxd -p '{mount.Root}/stream' | tr -d '\n' | head -c 60000) '{mount.Root}/wof'");
            SetReparse($"{mount.Root}/wof", "17000080 1000 0000 01000000 02000000 01000000 00000000");
            for (int i = 0; i < 60; i++)
                File.CreateSymbolicLink($"{mount.Root}/{new string('l', 200)} {i}", "target");
        }
        TreeSeed.Write("ntfs", new NtfsReader(), image);
    }

    [Fact]
    public void EncryptedFilesAreRefusedByName()
    {
        NtfsImages.RequireTools();
        using ImageFile image = NtfsImages.Create(40L << 20);
        using (var mount = new FuseMount("ntfs-3g", image, Options))
        {
            File.WriteAllBytes($"{mount.Root}/encrypted", new byte[100_000]);
            File.WriteAllText($"{mount.Root}/plain", "plain");
        }
        IFileTree tree = Open(image);
        // The flag of the content, in the file record that the tree names.
        NtfsBootSector geometry = NtfsBootSector.TryRead(image)!;
        long record = geometry.MftCluster * geometry.ClusterSizeBytes + (long)Find(tree, "encrypted").FileId * geometry.RecordSizeBytes;
        byte[] bytes = image.Read(record, geometry.RecordSizeBytes);
        int at = BitConverter.ToUInt16(bytes, 0x14);
        while (BitConverter.ToUInt32(bytes, at) != 0x80)
            at += BitConverter.ToInt32(bytes, at + 4);
        image.Write(record + at + 0xC, [0x00, 0x40]);
        tree = Open(image);
        FileTreeEntry encrypted = Find(tree, "encrypted");
        Assert.Contains("EFS", encrypted.Refusal);
        Assert.Contains("EFS", Assert.Throws<FileSystemFormatException>(() => tree.OpenData(encrypted)).Message);
        Assert.Equal("plain"u8.ToArray(), Read(tree, Find(tree, "plain")));
    }

    internal static IFileTree Open(IBlockReader image) => new NtfsReader().OpenTree(image, CancellationToken.None);

    private static IFileTree RequireSame(ImageFile image)
    {
        IFileTree tree = Open(image);
        Assert.Empty(tree.Notes);
        using var mount = new FuseMount("ntfs-3g", image, "ro,noatime," + Options);
        List<string> differences = TreeOracle.Differences(mount.Root, tree, Fields, timeUnitNanoseconds: 100, path => path == "sparse/huge" || path.StartsWith("times/-", StringComparison.Ordinal));
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        return tree;
    }

    private static FileTreeEntry Find(IFileTree tree, params string[] path)
    {
        FileTreeEntry entry = tree.Root;
        foreach (string name in path)
            entry = tree.Find(entry, name, CancellationToken.None) ?? throw new FileNotFoundException(name);
        return entry;
    }

    private static byte[] Read(IFileTree tree, FileTreeEntry file, string? stream = null)
    {
        using ISparseBlockReader data = tree.OpenData(file, stream);
        var bytes = new byte[data.LengthBytes];
        Assert.Equal(bytes.Length, data.ReadAt(0, bytes));
        return bytes;
    }

    private static void SetReparse(string path, string hex) =>
        Tool.Run("setfattr", "-h", "-n", "system.ntfs_reparse_data", "-v", "0x" + hex.Replace(" ", "", StringComparison.Ordinal), path);
}
