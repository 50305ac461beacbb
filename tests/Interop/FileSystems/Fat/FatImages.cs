using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Fat;

/// <summary>FAT volumes made by mkfs.fat and filled by mtools.</summary>
internal static class FatImages
{
    public static ImageFile Create(long lengthBytes, params string[] options)
    {
        Tool.Require("mkfs.fat", "fsck.fat", "mcopy", "mdel");
        ImageFile image = ImageFile.Create(lengthBytes);
        try
        {
            Tool.Run("mkfs.fat", [.. options, image.Path]);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <summary>Writes files, deletes every third, and writes larger ones into the holes.</summary>
    public static void Fill(ImageFile image, long bytes, int seed)
    {
        DirectoryInfo source = Directory.CreateTempSubdirectory("imagebackup-fat-");
        try
        {
            var random = new Random(seed);
            var names = new List<string>();
            for (long written = 0; written < bytes;)
            {
                int length = (int)Math.Min(random.Next(1, 60_000), bytes - written);
                string name = $"a file with a long name {names.Count}.bin";
                Write(Path.Combine(source.FullName, name), length, random);
                names.Add(name);
                written += length;
            }
            Tool.Run("mmd", "-i", image.Path, "::files", "::sub directory");
            Tool.Shell($"mcopy -i '{image.Path}' -Q -m '{source.FullName}'/* ::files");
            Tool.Run("mdel", ["-i", image.Path, .. names.Where((_, i) => i % 3 == 0).Select(static name => "::files/" + name)]);
            string frayed = Path.Combine(source.FullName, "frayed.bin");
            Write(frayed, (int)(bytes / 4), random);
            Tool.Run("mcopy", "-i", image.Path, frayed, "::sub directory/frayed.bin");
        }
        finally
        {
            source.Delete(recursive: true);
        }
    }

    public static SortedDictionary<string, string> Hash(ImageFile image)
    {
        DirectoryInfo target = Directory.CreateTempSubdirectory("imagebackup-fat-");
        try
        {
            // Exit code 1 with nothing to copy: the volume may be empty.
            Tool.TryRun("mcopy", "-i", image.Path, "-s", "-n", "::", target.FullName);
            return FileTree.Hash(target.FullName);
        }
        finally
        {
            target.Delete(recursive: true);
        }
    }

    public static UsedRangeMap ProveMap(ImageFile image, bool isEmpty = false)
    {
        UsedRangeMap map = new FatReader().ReadUsedRanges(image, CancellationToken.None);
        MapCheck.IsWellFormed(map, image.LengthBytes);
        Assert.Empty(map.Warnings);
        Assert.Empty(MapCheck.Subtract(map.Ranges, NaiveRanges(image)));
        Assert.Empty(MapCheck.Subtract(NaiveRanges(image), map.Ranges));

        SortedDictionary<string, string> hashes = Hash(image);
        Assert.Equal(isEmpty, hashes.Count == 0);
        using ImageFile copy = image.Copy();
        MapCheck.OverwriteFree(copy, map);
        Tool.Run("fsck.fat", "-n", copy.Path);
        Assert.Equal(hashes, Hash(copy));
        return map;
    }

    /// <summary>The FAT itself, entry by entry, written a second time: slow, plain, and by the specification's formulas.</summary>
    public static List<ByteRange> NaiveRanges(ImageFile image)
    {
        byte[] boot = image.Read(0, 512);
        int sector = Word(boot, 11);
        long fatSectors = Word(boot, 22) != 0 ? Word(boot, 22) : BinaryPrimitives.ReadUInt32LittleEndian(boot.AsSpan(36));
        long sectors = Word(boot, 19) != 0 ? Word(boot, 19) : BinaryPrimitives.ReadUInt32LittleEndian(boot.AsSpan(32));
        long data = Word(boot, 14) + boot[16] * fatSectors + (Word(boot, 17) * 32 + sector - 1) / sector;
        long clusters = (sectors - data) / boot[13];
        byte[] fat = image.Read((long)Word(boot, 14) * sector, (int)(fatSectors * sector));
        long clusterBytes = (long)sector * boot[13];
        var used = new List<ByteRange> { new(0, data * sector) };
        for (long cluster = 2; cluster < clusters + 2; cluster++)
        {
            long entry;
            if (Word(boot, 22) == 0)
                entry = BinaryPrimitives.ReadUInt32LittleEndian(fat.AsSpan((int)cluster * 4)) & 0x0FFFFFFF;
            else if (clusters >= 4085)
                entry = Word(fat, (int)cluster * 2);
            else
                entry = (cluster & 1) == 0 ? Word(fat, (int)(cluster * 3 / 2)) & 0xFFF : Word(fat, (int)(cluster * 3 / 2)) >> 4;
            if (entry != 0)
                used.Add(new ByteRange(data * sector + (cluster - 2) * clusterBytes, clusterBytes));
        }
        long end = data * sector + clusters * clusterBytes;
        if (image.LengthBytes > end)
            used.Add(new ByteRange(end, image.LengthBytes - end));
        return used;
    }

    private static int Word(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(offset));

    private static void Write(string path, int length, Random random)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        File.WriteAllBytes(path, bytes);
    }
}
