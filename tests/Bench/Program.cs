using System;
using System.Globalization;
using System.IO;
using System.Linq;

namespace ImageBackup.Bench;

/// <summary>
/// Ours against its peers, in one run, as ratios. Linux, root (a loop mount fills the volume); peers that are missing are
/// named and left out.
/// </summary>
internal static class Program
{
    private const string Usage = """
        dotnet run -c Release --project tests/Bench -- [options]
          --work <directory>    where the volume and the repositories go (default: a new one under the temporary directory)
          --size <GiB>          the volume's size (default 4)
          --runs <n>            runs of each, the median counts (default 3)
          --host <path>         ImageBackup.Host's dll or executable (default: the build output)
          --volume <path>       measure this raw volume instead of making one
          --used                read the file system's map, of a volume whose free blocks hold stale data; default: the whole device
          --only <names>        comma-separated: ours, device (ours, of a loop device), restic, borg, partclone, zstd, kernels, catalog, rules, expiry, prune; scale (alone): 1 TiB sparse, a million chunks, 2,000 images; import (alone): Import-Module
          --maintain            alone: checks, a lost index, prunes and expiry against restic; --only proof,lost,structure,images,plan,tiny,list,expire,prune
          --memory              alone: what a chunk costs at the peak of a check, prune, repair; --only connect,check,prune,repair,tiny,backup
          --chunks <n,n>        memory: chunks of the repositories (default 65536,262144,4000000)
          --cold                alone: a volume that is not in memory, by a loop device; drops the system's caches; --only ours,restic,readers
          --disk <name>         cold: the volume's disk is a slow one: network (5 ms a read, any number at once) or spinning (one arm, 8 ms to go elsewhere)
          --churn               alone: what small changes cost by the size of a chunk; --only ours,restic
          --pgbench             churn: of a volume with a PostgreSQL data directory, by rounds of pgbench
          --transactions <n>    pgbench: transactions of a round (default 10000)
          --rounds <n>          churn: rounds in which one hundredth changes (default 20)
          --chunk-sizes <KiB,KiB> churn: the chunk sizes (default all, 64 to 4096)
          --compression         alone: the ways to compress, beside restic's of the same names; --only ours,restic
          --storage             alone: repositories on servers that it starts itself, behind a network that it makes; --only rest,s3,sftp
          --trace               storage: tells each request that passes the network, with its times
          --reads               alone: single reads in an image, and all of it in order beside its restore
          --items               alone: listing, reading and restoring files out of images; --only list,find,sparse,tree
          --fs <name>           items: ext4 (default), xfs, btrfs or ntfs
          --files <n>           items: files of the image that is listed (default 1000000)
          --tree <n>            items: files of the tree that is restored (default 50000)
          --data <MiB>          maintain: how much data is proven (default 1024)
          --blobs <n>           maintain: chunks, of 64 KiB that hold little, of the repository that has many (default 65536)
          --images <n>          maintain: images of the one that has many of these (default 100)
          --keep <n>            maintain: images that stay when the others expire (default 20)
          --prune <MiB>         maintain: the volume of which half is in use no more (default 512)
          --pwsh <path>         import, items: pwsh, or the pwsh.dll of the .NET tool
          --spots <n>           scale: spots of 64 KiB on the 1 TiB volume (default 20000)
        """;

    public static int Main(string[] args)
    {
        if (args.Contains("--help"))
        {
            Console.WriteLine(Usage);
            return 0;
        }
        string? Option(string name) => args.SkipWhile(a => a != name).Skip(1).FirstOrDefault();
        string work = Option("--work") ?? Path.Combine(Path.GetTempPath(), "imagebackup-bench-" + Environment.ProcessId);
        int sizeGiB = int.Parse(Option("--size") ?? "4", CultureInfo.InvariantCulture);
        int runs = int.Parse(Option("--runs") ?? "3", CultureInfo.InvariantCulture);
        string[]? only = Option("--only")?.Split(',');
        string[] modes = ["--maintain", "--cold", "--items", "--compression", "--churn", "--storage", "--memory", "--reads"];
        if (!modes.Any(args.Contains) && (only is null || only.Contains("rules")))
            RuleBench.Run(runs);
        // The rules need neither a volume nor a work directory.
        if (only is ["rules"])
            return 0;
        if (only is ["import"])
        {
            ModuleImport.Run(Option("--pwsh") ?? "pwsh", runs);
            return 0;
        }
        bool ownsWork = !Directory.Exists(work);
        Directory.CreateDirectory(work);
        try
        {
            if (only is ["scale"])
            {
                Scale.Run(work, int.Parse(Option("--spots") ?? "20000", CultureInfo.InvariantCulture), chunkCount: 1_000_000, imageCount: 2_000);
                return 0;
            }
            int Count(string name, string usual) => int.Parse(Option(name) ?? usual, CultureInfo.InvariantCulture);
            if (args.Contains("--items"))
            {
                new ItemBench(work, Option("--pwsh") ?? "pwsh", runs, name => only is null || only.Contains(name))
                    .Run(Option("--fs") ?? "ext4", Count("--files", "1000000"), Count("--tree", "50000"));
                return 0;
            }
            if (args.Contains("--memory"))
            {
                new ChunkMemory(work, new HostProgram(Option("--host") ?? HostPath.Find()), name => only is null || only.Contains(name))
                    .Run([.. (Option("--chunks") ?? "65536,262144,4000000").Split(',').Select(n => int.Parse(n, CultureInfo.InvariantCulture))]);
                return 0;
            }
            if (args.Contains("--maintain"))
            {
                new Maintenance(work, new HostProgram(Option("--host") ?? HostPath.Find()), runs, name => only is null || only.Contains(name))
                    .Run(Count("--data", "1024"), Count("--prune", "512"), Count("--blobs", "65536"), Count("--images", "100"), Count("--keep", "20"));
                return 0;
            }
            bool usesMap = args.Contains("--used");
            // A small volume has more inodes for its size.
            double staleShare = !usesMap ? 1.0 / 16 : sizeGiB < 4 ? 0.2 : 0.25;
            bool isDatabase = args.Contains("--pgbench");
            string volume = Option("--volume") ?? (isDatabase ? PostgresVolume.Make(Path.Combine(work, "volume.img"), sizeGiB) : null) ?? BenchVolume.Make(Path.Combine(work, "volume.img"), sizeGiB, staleShare);
            string host = Option("--host") ?? HostPath.Find();
            if (args.Contains("--cold"))
            {
                new Cold(volume, work, new HostProgram(host), runs, Option("--disk") is { } disk ? DiskPace.Of(disk) : null, name => only is null || only.Contains(name)).Run();
                return 0;
            }
            if (args.Contains("--churn"))
            {
                new Churn(volume, work, Count("--rounds", "20"), Option("--chunk-sizes")?.Split(',').Select(n => int.Parse(n, CultureInfo.InvariantCulture) << 10), isDatabase ? Count("--transactions", "10000") : null, name => only is null || only.Contains(name)).Run();
                return 0;
            }
            if (args.Contains("--reads"))
            {
                new BlockReads(volume, work, runs).Run();
                return 0;
            }
            if (args.Contains("--compression"))
            {
                new CompressionBench(volume, work, new HostProgram(host), runs, name => only is null || only.Contains(name)).Run();
                return 0;
            }
            if (args.Contains("--storage"))
            {
                new StorageBench(volume, work, new HostProgram(host), runs, args.Contains("--trace"), name => only is null || only.Contains(name)).Run();
                return 0;
            }
            var bench = new Bench(volume, work, host, runs, usesMap, name => only is null || only.Contains(name));
            bench.Run();
            return 0;
        }
        finally
        {
            if (ownsWork)
                Directory.Delete(work, recursive: true);
        }
    }
}
