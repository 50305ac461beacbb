using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace ImageBackup.Bench;

/// <summary>One run of one tool: a first backup, an unchanged second one, a restore to a file.</summary>
/// <param name="Second">The first again, if a tool knows no second one.</param>
/// <param name="FlushSeconds">
/// How long it takes after the restore until what it wrote is on the disk: ours flushes before it ends, the others leave it
/// to the system.
/// </param>
internal sealed record Round(Measurement First, Measurement Second, Measurement Restore, double FlushSeconds, long StoredBytes)
{
    public long PeakBytes => Math.Max(First.PeakBytes, Math.Max(Second.PeakBytes, Restore.PeakBytes));
}

/// <summary>Ours and its peers, each of which makes a repository, works and clears up.</summary>
internal sealed class Contenders(string volume, string work, HostProgram host, bool usesMap)
{
    public static IReadOnlyDictionary<string, string> Secrets { get; } = new Dictionary<string, string>
    {
        ["RESTIC_PASSWORD"] = "bench",
        ["BORG_PASSPHRASE"] = "bench",
        ["NO_COLOR"] = "1",
    };

    private string Output => Path.Combine(work, "restored.img");

    /// <summary>Every contender with the program that it needs; null: none that has to be installed.</summary>
    public IReadOnlyList<(string Name, string? Program, Func<Round> Run)> All =>
    [
        ("ours", null, () => Ours(volume)),
        ("device", "losetup", OursOfDevice),
        ("restic", "restic", Restic),
        ("borg", "borg", Borg),
        ("partclone", "partclone.ext4", Partclone),
        ("zstd", "zstd", WholeZstd),
    ];

    /// <summary>Ours, of the same volume as a block device: another way to the bytes, with a cache of its own.</summary>
    private Round OursOfDevice()
    {
        string device = Tool.Run("losetup", "-f", "--show", "-r", volume).Trim();
        try
        {
            return Ours(device);
        }
        finally
        {
            Tool.Run("losetup", "-d", device);
        }
    }

    private Round Ours(string source)
    {
        string repository = Path.Combine(work, "ours");
        string gap = usesMap ? "" : " -GapSize 0";
        string backup = $"$b = Backup-VolumeImage -Volume '{source}' -Repository '{repository}'{gap}; [Console]::Out.WriteLine('' + $b.Duration.TotalSeconds.ToString([cultureinfo]::InvariantCulture) + ' ' + $b.Id)";
        string id = "";
        return Measure(repository, Output,
            () => host.Run($"Initialize-ImageRepository -Path '{repository}' | Out-Null"),
            () =>
            {
                Measurement taken = host.Run(backup);
                id = taken.Output.Trim().Split(' ')[^1];
                return taken;
            },
            () =>
            {
                Measurement restored = host.Run($"Restore-VolumeImage -ImageBackup {id} -Destination '{Output}' -Repository '{repository}' -Confirm:$false | Out-Null");
                // With the map, what is not used is zeros.
                if (!usesMap)
                    Tool.Run("cmp", volume, Output);
                return restored;
            });
    }

    /// <summary>Seconds of the job alone, without the engine's start, in what a backup of ours printed.</summary>
    public static double JobSeconds(Measurement backup) => double.Parse(backup.Output.Trim().Split('\n')[^1].Split(' ')[0], CultureInfo.InvariantCulture);

    private Round Restic()
    {
        string repository = Path.Combine(work, "restic"), cache = Path.Combine(work, "restic-cache"), target = Path.Combine(work, "restic-out");
        return Measure(repository, target,
            () => Tool.Measure("restic", ["-r", repository, "--cache-dir", cache, "init"], Secrets),
            // A changed time makes restic read the file again, as it would a device.
            () =>
            {
                File.SetLastWriteTimeUtc(volume, DateTime.UtcNow);
                return Tool.Measure("restic", ["-r", repository, "--cache-dir", cache, "backup", "-q", "--force", volume], Secrets);
            },
            () => Tool.Measure("restic", ["-r", repository, "--cache-dir", cache, "restore", "-q", "latest", "--target", target], Secrets));
    }

    private Round Borg()
    {
        string repository = Path.Combine(work, "borg"), target = Path.Combine(work, "borg-out");
        var environment = new Dictionary<string, string>(Secrets) { ["BORG_BASE_DIR"] = Path.Combine(work, "borg-base"), ["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] = "yes" };
        Directory.CreateDirectory(environment["BORG_BASE_DIR"]);
        int archive = 0;
        return Measure(repository, target,
            () => Tool.Measure("borg", ["init", "-e", "repokey", repository], environment),
            () =>
            {
                File.SetLastWriteTimeUtc(volume, DateTime.UtcNow);
                return Tool.Measure("borg", ["create", "--chunker-params", "fixed,1048576", "-C", "zstd,1", "--files-cache", "disabled", $"{repository}::a{++archive}", volume], environment);
            },
            () =>
            {
                Directory.CreateDirectory(target);
                return Tool.Measure("sh", ["-c", $"cd '{target}' && borg extract --sparse '{repository}::a{archive}'"], environment);
            });
    }

    private Round Partclone()
    {
        string image = Path.Combine(work, "partclone.zst");
        string save = $"set -o pipefail; partclone.ext4 -c -q -s '{volume}' -o - 2>/dev/null | zstd -q -f -1 -T{Environment.ProcessorCount} -o '{image}'";
        string load = $"set -o pipefail; zstd -q -dc '{image}' | partclone.restore -q -C -s - -O '{Output}' 2>/dev/null";
        WorkFiles.Delete(image);
        WorkFiles.Rest(work, volume);
        Measurement first = Tool.Measure("bash", ["-c", save]);
        WorkFiles.Delete(Output);
        Tool.Run("truncate", "-s", new FileInfo(volume).Length.ToString(CultureInfo.InvariantCulture), Output);
        return Once(first, () => Tool.Measure("bash", ["-c", load]), image);
    }

    private Round WholeZstd()
    {
        string image = Path.Combine(work, "volume.zst");
        WorkFiles.Delete(image);
        WorkFiles.Rest(work, volume);
        Measurement first = Tool.Measure("zstd", ["-q", "-f", "-1", $"-T{Environment.ProcessorCount}", volume, "-o", image]);
        WorkFiles.Delete(Output);
        return Once(first, () => Tool.Measure("zstd", ["-q", "-d", "-f", "--sparse", image, "-o", Output]), image);
    }

    private Round Measure(string repository, string target, Action create, Func<Measurement> backup, Func<Measurement> load)
    {
        WorkFiles.Delete(repository);
        WorkFiles.Delete(target);
        create();
        WorkFiles.Rest(work, volume);
        Measurement first = backup();
        long stored = WorkFiles.SizeOf(repository);
        WorkFiles.Rest(work, volume);
        Measurement second = backup();
        WorkFiles.Rest(work);
        Measurement restore = load();
        double flushSeconds = WorkFiles.Flush(target);
        WorkFiles.Delete(repository);
        WorkFiles.Delete(target);
        return new Round(first, second, restore, flushSeconds, stored);
    }

    private Round Once(Measurement first, Func<Measurement> load, string image)
    {
        long stored = new FileInfo(image).Length;
        WorkFiles.Rest(work);
        Measurement restore = load();
        double flushSeconds = WorkFiles.Flush(Output);
        WorkFiles.Delete(image);
        WorkFiles.Delete(Output);
        return new Round(first, first, restore, flushSeconds, stored);
    }
}
