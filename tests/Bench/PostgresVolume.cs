using System;
using System.Globalization;
using System.IO;

namespace ImageBackup.Bench;

/// <summary>An ext4 volume that holds a PostgreSQL data directory, and what pgbench does to it between two backups. Root; Debian's postgresql.</summary>
internal static class PostgresVolume
{
    private const int ClientCount = 4;

    /// <summary>pgbench's scale: 100,000 rows each, 15 MB.</summary>
    private const int Scale = 20;

    /// <summary>Makes the volume, with pgbench's tables in it.</summary>
    public static string Make(string path, int sizeGiB)
    {
        Tool.Run("truncate", "-s", sizeGiB.ToString(CultureInfo.InvariantCulture) + "G", path);
        Tool.Run("mkfs.ext4", "-q", "-F", path);
        Mounted(path, mount =>
        {
            string data = Path.Combine(mount, "data");
            Directory.CreateDirectory(data);
            Tool.Run("chown", "postgres:postgres", data);
            AsPostgres("initdb", "-D", data, "-A", "trust", "--no-sync");
            // What is on the disk in the end is the same; the server is stopped before each backup.
            File.AppendAllText(Path.Combine(data, "postgresql.conf"), "fsync = off\nlisten_addresses = ''\nautovacuum_naptime = 5s\n");
            Serving(data, () => AsPostgres("pgbench", "-q", "-h", data, "-i", "-s", Scale.ToString(CultureInfo.InvariantCulture), "postgres"));
        });
        return path;
    }

    /// <summary>So many transactions of TPC-B's kind, by a number and not by a time: what they write does not depend on the machine.</summary>
    public static void Work(string path, int transactionCount) => Mounted(path, mount =>
    {
        string data = Path.Combine(mount, "data");
        Serving(data, () => AsPostgres("pgbench", "-h", data, "-n", "-c", ClientCount.ToString(CultureInfo.InvariantCulture),
            "-t", (transactionCount / ClientCount).ToString(CultureInfo.InvariantCulture), "postgres"));
    });

    private static void Mounted(string path, Action<string> work)
    {
        string mount = path + ".mnt";
        Directory.CreateDirectory(mount);
        Tool.Run("mount", "-o", "loop", path, mount);
        try
        {
            work(mount);
        }
        finally
        {
            Tool.Run("umount", mount);
            Directory.Delete(mount);
        }
        // Once the loop device is gone its pages are the file's own.
        Tool.Run("sync", path);
    }

    private static void Serving(string data, Action work)
    {
        // The socket beside the data: where the volume is mounted is not always the same.
        AsPostgres("pg_ctl", "-D", data, "-w", "-l", Path.Combine(data, "log"), "-o", $"-k {data}", "start");
        try
        {
            work();
        }
        finally
        {
            AsPostgres("pg_ctl", "-D", data, "-w", "-m", "fast", "stop");
        }
    }

    private static void AsPostgres(params string[] command) => Tool.Run("runuser", ["-u", "postgres", "--", .. command]);
}
