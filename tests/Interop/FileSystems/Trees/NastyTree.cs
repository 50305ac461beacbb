using System;
using System.Globalization;
using System.IO;
using System.Linq;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Tests.Kits.FileSystems;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Tests.Interop.FileSystems.Trees;

/// <summary>What a file system, or the driver that fills it, can keep. A case that it cannot is left out of the tree.</summary>
[Flags]
internal enum NastyCases
{
    /// <summary>Sizes, names that every file system has, a big directory, depth, fragments, times.</summary>
    Everywhere = 0,

    /// <summary>Names with the characters that Windows forbids.</summary>
    UnixNames = 1,

    /// <summary>Names that are not UTF-8.</summary>
    RawNames = 2,
    CaseTwins = 4,
    HardLinks = 8,
    SymbolicLinks = 0x10,
    Devices = 0x20,
    Owners = 0x40,
    Permissions = 0x80,
    ExtendedAttributes = 0x100,
    Sparse = 0x200,
    Unwritten = 0x400,
    All = 0x7FF,
}

/// <summary>A tree of files that readers get wrong, made below a mount point by the driver that is the oracle (<see cref="TreeOracle"/>).</summary>
internal static class NastyTree
{
    // Both sides of inline data, of sectors, of blocks and of pages.
    private static readonly int[] s_sizes =
    [
        0, 1, 7, 8, 59, 60, 61, 127, 128, 129, 159, 160, 161, 200, 511, 512, 513, 699, 700, 1023, 1024, 1025, 1900, 2047, 2048, 3500, 4095, 4096, 4097,
        8191, 12288, 12289, 49152, 65535, 65536, 65537, 274_432, 300_001, 1_048_575, 1_048_577,
    ];

    /// <summary>A directory of ext with blocks of 1 KiB holds no more of these names: its index has two levels.</summary>
    private const int MostNames = 60_000;

    /// <summary>IMAGEBACKUP_TREE_NAMES: so many names the big directories have at least; 0: one, of as many as the test says. Volumes need room for them.</summary>
    public static int WantedNames => int.Parse(Environment.GetEnvironmentVariable("IMAGEBACKUP_TREE_NAMES") ?? "0", CultureInfo.InvariantCulture);

    /// <param name="root">The mount point.</param>
    /// <param name="cases">What the file system can keep.</param>
    /// <param name="bigDirectoryCount">Names in the big directory, before every fifth is removed again; more if IMAGEBACKUP_TREE_NAMES says so.</param>
    /// <param name="seed">Of the contents.</param>
    public static void Build(string root, NastyCases cases, int bigDirectoryCount = 3000, int seed = 1)
    {
        var random = new Random(seed);
        bool Has(NastyCases wanted) => (cases & wanted) != 0;
        Sizes(Folder(root, "sizes"), random);
        Names(Folder(root, "names"), cases);
        BigDirectory(Folder(root, "big"), Math.Max(bigDirectoryCount, Math.Min(WantedNames, MostNames)));
        for (int left = WantedNames - MostNames, number = 2; left > 0; left -= MostNames, number++)
            BigDirectory(Folder(root, $"big {number}"), Math.Min(left, MostNames));
        Depth(Folder(root, "deep"), random);
        Fragments(Folder(root, "fragments"), random);
        SmallDirectories(Folder(root, "small directories"));
        if (Has(NastyCases.HardLinks))
            HardLinks(Folder(root, "hard links"), random);
        if (Has(NastyCases.SymbolicLinks))
            SymbolicLinks(Folder(root, "links"), Has(NastyCases.RawNames));
        if (Has(NastyCases.Sparse))
            Sparse(Folder(root, "sparse"), random);
        if (Has(NastyCases.Unwritten))
            Unwritten(Folder(root, "unwritten"), random);
        if (Has(NastyCases.Devices))
            Devices(Folder(root, "devices"));
        if (Has(NastyCases.ExtendedAttributes))
            ExtendedAttributes(Folder(root, "attributes"), random);
        if (Has(NastyCases.Permissions))
            Permissions(Folder(root, "permissions"));
        if (Has(NastyCases.Owners))
            Owners(Folder(root, "owners"));
        // Last: what is made in a directory changes its times.
        Times(Folder(root, "times"));
        Tool.Run("sync", "-f", root);
    }

    private static void Sizes(string folder, Random random)
    {
        foreach (int size in s_sizes)
            Write($"{folder}/{size}", Bytes(random, size));
        Write($"{folder}/zeros", new byte[100_000]);
    }

    private static void Names(string folder, NastyCases cases)
    {
        string[] everywhere =
        [
            "plain.txt", "UPPER.TXT", "MiXeD.tXt", "no extension", ".hidden", "two.dots.txt", "long name with spaces and more than 8.3.text", "~tilde~1.txt", "LONGNA~1.TXT",
            "+,;=[].txt", "'quote'", "$dollar", "%percent%", "&and", "#hash", "-rf", "{brace}", "`tick`", "ä.txt", "ß ẞ", "e\u0301 nfd", "é nfc", "日本語のファイル", "עברית",
            "😀 emoji", "İı", "con1", new string('n', 255), new string('w', 251) + ".txt",
        ];
        foreach (string name in everywhere)
            Write($"{folder}/{name}", System.Text.Encoding.UTF8.GetBytes(name));
        Folder(folder, "folder.ext");
        if ((cases & NastyCases.UnixNames) != 0)
        {
            foreach (string name in new[] { "back\\slash", "co:lon", "st*r", "qu?stion", "\"double\"", "<less>", "p|pe", "new\nline", "tab\t", "\u0001\u001f\u007f", "trailing.", "trailing ", " leading", "...", "con", "NUL.txt", "aux", "COM1", new string('€', 85) })
                Write($"{folder}/{name}", System.Text.Encoding.UTF8.GetBytes(name));
        }
        if ((cases & NastyCases.RawNames) != 0)
        {
            byte[][] raw = [[0xFF], [0xC3], [0x61, 0xE4, 0x62], [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xF4, 0x90, 0x80, 0x80], [.. Enumerable.Repeat((byte)0x80, 255)]];
            foreach (byte[] name in raw)
                Write($"{folder}/{UnixFileName.Decode(name)}", name);
        }
        if ((cases & NastyCases.CaseTwins) != 0)
        {
            foreach (string name in new[] { "twin", "Twin", "TWIN", "Ä", "ä" })
                Write($"{folder}/{name}", System.Text.Encoding.UTF8.GetBytes(name));
        }
    }

    private static void BigDirectory(string folder, int count)
    {
        for (int i = 0; i < count; i++)
            Write($"{folder}/{i:x8}{new string((char)('a' + i % 26), i * 7 % 120)}", i % 100 == 0 ? [(byte)i] : []);
        for (int i = 0; i < count; i += 5)
            RawFiles.Delete($"{folder}/{i:x8}{new string((char)('a' + i % 26), i * 7 % 120)}");
    }

    private static void Depth(string folder, Random random)
    {
        for (int i = 0; i < 40; i++)
        {
            folder = Folder(folder, $"level {i}");
            if (i % 10 == 9)
                Write($"{folder}/file", Bytes(random, i * 100));
        }
    }

    // By turns, each brought to the disk, so that the pieces alternate.
    private static void Fragments(string folder, Random random)
    {
        using SafeFileHandle first = RawFiles.Create($"{folder}/first"), second = RawFiles.Create($"{folder}/second");
        for (long i = 0, at = 0; i < 60; i++)
        {
            byte[] piece = Bytes(random, 4096 + random.Next(12_000));
            RandomAccess.Write(first, piece, at);
            RandomAccess.FlushToDisk(first);
            RandomAccess.Write(second, piece, at);
            RandomAccess.FlushToDisk(second);
            at += piece.Length;
        }
    }

    private static void SmallDirectories(string folder)
    {
        Folder(folder, "empty");
        for (int count = 1; count < 12; count++)
        {
            string small = Folder(folder, $"{count} names");
            for (int i = 0; i < count; i++)
                Write($"{small}/f{i}", [(byte)i]);
        }
        string emptied = Folder(folder, "emptied");
        for (int i = 0; i < 200; i++)
            Write($"{emptied}/a name of some length {i}", []);
        for (int i = 0; i < 200; i++)
            RawFiles.Delete($"{emptied}/a name of some length {i}");
    }

    private static void HardLinks(string folder, Random random)
    {
        Write($"{folder}/first", Bytes(random, 10_000));
        string other = Folder(folder, "other");
        RawFiles.HardLink($"{folder}/first", $"{folder}/second");
        RawFiles.HardLink($"{folder}/first", $"{other}/third");
        Write($"{folder}/many", Bytes(random, 10));
        // Names enough that NTFS needs an attribute list and XFS and btrfs longer references.
        for (int i = 0; i < 150; i++)
            RawFiles.HardLink($"{folder}/many", $"{other}/many {i} {new string('l', i)}");
    }

    private static void SymbolicLinks(string folder, bool withRawNames)
    {
        RawFiles.SymbolicLink("target", $"{folder}/dangling");
        RawFiles.SymbolicLink("/etc/passwd", $"{folder}/absolute");
        RawFiles.SymbolicLink("../names", $"{folder}/to a directory");
        RawFiles.SymbolicLink(".", $"{folder}/itself");
        foreach (int length in new[] { 1, 58, 59, 60, 61, 155, 156, 157, 255, 1000, 1023 })
            RawFiles.SymbolicLink(new string('t', length), $"{folder}/of {length}");
        if (withRawNames)
            RawFiles.SymbolicLink(UnixFileName.Decode([0x61, 0xFF, 0x2F, 0xC3]), $"{folder}/raw");
    }

    private static void Sparse(string folder, Random random)
    {
        using (SafeFileHandle file = RawFiles.Create($"{folder}/hole at the start"))
            RandomAccess.Write(file, Bytes(random, 5000), 1_000_000);
        using (SafeFileHandle file = RawFiles.Create($"{folder}/hole at the end"))
        {
            RandomAccess.Write(file, Bytes(random, 5000), 0);
            RawFiles.TrySetLength(file, 3_000_001);
        }
        using (SafeFileHandle file = RawFiles.Create($"{folder}/only a hole"))
            RawFiles.TrySetLength(file, 700_000);
        // Pieces enough for an extent tree of its own blocks.
        using (SafeFileHandle file = RawFiles.Create($"{folder}/many pieces"))
        {
            for (int i = 0; i < 800; i++)
                RandomAccess.Write(file, Bytes(random, 700), i * 16_384L);
        }
        using (SafeFileHandle file = RawFiles.Create($"{folder}/huge"))
        {
            long length = new[] { 1L << 40, 1L << 33, 1L << 31 }.First(length => RawFiles.TrySetLength(file, length));
            foreach (long offset in new[] { 0, 3L << 20, length / 3, length / 2 + 12_345, length - 4000 })
                RandomAccess.Write(file, Bytes(random, 4000), offset);
        }
    }

    private static void Unwritten(string folder, Random random)
    {
        using (SafeFileHandle file = RawFiles.Create($"{folder}/all"))
            RawFiles.TryAllocate(file, 0, 0, 500_000);
        using (SafeFileHandle file = RawFiles.Create($"{folder}/written in the middle"))
        {
            RawFiles.TryAllocate(file, 0, 0, 900_000);
            RandomAccess.Write(file, Bytes(random, 10_000), 400_000);
        }
        using (SafeFileHandle file = RawFiles.Create($"{folder}/behind the end"))
        {
            RawFiles.TryAllocate(file, RawFiles.KeepSize, 0, 600_000);
            RandomAccess.Write(file, Bytes(random, 33_333), 0);
        }
    }

    private static void Devices(string folder)
    {
        RawFiles.MakeNode($"{folder}/fifo", RawFiles.FifoType | 0x1A4);
        RawFiles.MakeNode($"{folder}/socket", RawFiles.SocketType | 0x1A4);
        RawFiles.MakeNode($"{folder}/null", RawFiles.CharacterType | 0x1B6, 1, 3);
        RawFiles.MakeNode($"{folder}/disk", RawFiles.BlockType | 0x1B0, 8, 17);
        RawFiles.MakeNode($"{folder}/large numbers", RawFiles.BlockType | 0x1B0, 259, 70_000);
    }

    private static void ExtendedAttributes(string folder, Random random)
    {
        foreach (string kind in new[] { "file", "directory", "link" })
        {
            string path = $"{folder}/{kind}";
            if (kind == "file")
                Write(path, Bytes(random, 100));
            else if (kind == "directory")
                RawFiles.MakeDirectory(path);
            else
                RawFiles.SymbolicLink("file", path);
            string space = kind == "link" ? "trusted" : "user";
            RawFiles.TrySetExtendedAttribute(path, space + ".short", [1, 2, 3]);
            RawFiles.TrySetExtendedAttribute(path, space + ".empty", []);
            RawFiles.TrySetExtendedAttribute(path, "security.test", [0, 0xFF]);
            RawFiles.TrySetExtendedAttribute(path, "trusted.overlay.opaque", [(byte)'y']);
        }
        Write($"{folder}/many", Bytes(random, 10));
        for (int i = 0; i < 40; i++)
            RawFiles.TrySetExtendedAttribute($"{folder}/many", $"user.number {i}", Bytes(random, i));
        foreach (int size in new[] { 300, 900, 3000, 20_000, 60_000 })
        {
            Write($"{folder}/large {size}", Bytes(random, 10));
            RawFiles.TrySetExtendedAttribute($"{folder}/large {size}", "user.large", Bytes(random, size));
        }
        // Two files with the same attributes share a block on ext.
        for (int i = 0; i < 2; i++)
        {
            Write($"{folder}/same {i}", []);
            RawFiles.TrySetExtendedAttribute($"{folder}/same {i}", "user.same", Enumerable.Repeat((byte)7, 400).ToArray());
        }
        // POSIX ACL, version 2: user::rw-, user:1000:r--, group::r--, mask::r--, other::---.
        Write($"{folder}/acl", []);
        byte[] acl = Convert.FromHexString("02000000" + "01000600FFFFFFFF" + "02000400E8030000" + "04000400FFFFFFFF" + "10000400FFFFFFFF" + "20000000FFFFFFFF");
        RawFiles.TrySetExtendedAttribute($"{folder}/acl", "system.posix_acl_access", acl);
        RawFiles.TrySetExtendedAttribute($"{folder}/directory", "system.posix_acl_default", acl);
    }

    private static void Permissions(string folder)
    {
        foreach (string mode in new[] { "0000", "0400", "0644", "0777", "4755", "2755", "6711", "1777" })
        {
            Write($"{folder}/file {mode}", []);
            RawFiles.SetPermissions($"{folder}/file {mode}", Convert.ToInt32(mode, 8));
            RawFiles.SetPermissions(Folder(folder, $"folder {mode}"), Convert.ToInt32(mode, 8));
        }
    }

    private static void Owners(string folder)
    {
        foreach (uint id in new uint[] { 1, 65_535, 65_536, 70_000, 4_294_967_294 })
        {
            Write($"{folder}/{id}", []);
            RawFiles.SetOwner($"{folder}/{id}", id, id - 1);
        }
    }

    private static void Times(string folder)
    {
        // 1601, 1901 (32 bits' first second), before and after 1970, 1980, 2000, 2038, 2106, 2107, 2262, 2446, 3000.
        long[] seconds = [-11_644_473_600, int.MinValue, -1, 0, 1, 315_532_800, 951_827_696, int.MaxValue, 1L << 31, uint.MaxValue, 1L << 32, 4_354_819_198, 9_223_372_036, 15_032_385_535, 32_503_680_000];
        foreach (long second in seconds)
        {
            Write($"{folder}/{second}", []);
            RawFiles.SetTimes($"{folder}/{second}", new FileTreeTime(second, 123_456_789), new FileTreeTime(second, 999_999_999));
        }
        string old = Folder(folder, "folder");
        RawFiles.SetTimes(old, new FileTreeTime(1_000_000_000, 1), new FileTreeTime(1_000_000_001, 2));
    }

    private static string Folder(string parent, string name)
    {
        RawFiles.MakeDirectory($"{parent}/{name}");
        return $"{parent}/{name}";
    }

    private static byte[] Bytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static void Write(string path, byte[] content)
    {
        using SafeFileHandle file = RawFiles.Create(path);
        RandomAccess.Write(file, content, 0);
    }
}
