using System;
using System.IO;
using System.Threading;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Tests.Kits.FileSystems;

namespace ImageBackup.Tests.Fuzz;

/// <summary>Makes the seeds from real, small volumes: clean ones, and some whose power was cut. Needs root.</summary>
internal static class SeedMaker
{
    private sealed record Recipe(string Name, string Make, int SizeMiB, string? MountType = null, bool IsCrashed = false, string MountOptions = "rw");

    private static readonly Recipe[] s_recipes =
    [
        new("ext2-1k", "mke2fs -q -F -t ext2 -b 1024", 20, "ext2"),
        new("ext3-crashed", "mke2fs -q -F -t ext3 -b 1024 -J size=1", 20, "ext3", IsCrashed: true),
        new("ext4-1k", "mke2fs -q -F -t ext4 -b 1024 -J size=1", 40, "ext4"),
        new("ext4-4k-crashed", "mke2fs -q -F -t ext4 -b 4096 -J size=4 -N 2000", 64, "ext4", IsCrashed: true, "rw,commit=300"),
        new("ext4-metabg", "mke2fs -q -F -t ext4 -b 1024 -O meta_bg,^resize_inode,^metadata_csum,uninit_bg -J size=1", 40, "ext4"),
        new("ext4-bigalloc", "mke2fs -q -F -t ext4 -b 1024 -O bigalloc,^64bit -C 8192 -J size=1", 40, "ext4"),
        new("xfs-5", "mkfs.xfs -q -m rmapbt=1", 300, "xfs"),
        new("xfs-5-crashed", "mkfs.xfs -q", 300, "xfs", IsCrashed: true),
        new("xfs-4", "mkfs.xfs -q -m crc=0 -b size=1024", 300),
        new("btrfs-dup", "mkfs.btrfs -q -m dup", 120, "btrfs"),
        new("btrfs-mixed", "mkfs.btrfs -q --mixed", 100, "btrfs"),
        new("btrfs-crashed", "mkfs.btrfs -q -m single", 120, "btrfs", IsCrashed: true, "rw,commit=300"),
        new("swap", "mkswap", 4),
        new("luks", "qemu-img create -q -f luks --object secret,id=s,data=abc -o key-secret=s,iter-time=100", 8),
    ];

    public static void Make(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (Recipe recipe in s_recipes)
        {
            using var work = new TestFolder();
            string image = work.Sparse("seed.img", (long)recipe.SizeMiB << 20);
            bool isQemu = recipe.Make.StartsWith("qemu-img", StringComparison.Ordinal);
            Tool.Shell($"{recipe.Make} '{image}' {(isQemu ? recipe.SizeMiB + "M" : "")} >/dev/null 2>&1");
            string captured = image;
            if (recipe.MountType is { } type)
            {
                using var mount = new LoopMount(image, type, recipe.MountOptions);
                FileTree.Churn(mount.Path, 2 << 20, seed: 1);
                if (recipe.IsCrashed)
                {
                    FileTree.WriteDurably(mount.Path, count: 4, lengthBytes: 20_000, seed: 2);
                    captured = work.File("crashed.img");
                    Tool.Run("cp", "--sparse=always", image, captured);
                }
            }
            using var volume = new ImageFileReader(captured);
            SeedVolume seed = SeedVolume.Capture(volume, recorded =>
            {
                foreach (IFileSystemReader reader in FileSystemCatalog.Readers)
                {
                    // Only what the reader that knows the volume looks at.
                    if (reader.Probe(volume) is null)
                        continue;
                    reader.Probe(recorded);
                    try
                    {
                        reader.ReadUsedRanges(recorded, CancellationToken.None);
                    }
                    catch (FileSystemFormatException e)
                    {
                        Console.WriteLine($"{recipe.Name}: {e.Message}");
                    }
                }
            });
            string path = Path.Combine(folder, recipe.Name + ".seed");
            seed.Save(path);
            Console.WriteLine($"{recipe.Name}: {seed.Order.Count} sectors, {new FileInfo(path).Length} bytes");
        }
    }
}
