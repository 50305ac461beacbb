using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>One repository for all cases, opened anew by each.</summary>
internal sealed class Rig : IDisposable
{
    private const string Location = "/tmp/repository";
    private readonly List<string> _told = [];

    public Rig()
    {
        using RepositoryPassword password = CutWork.Password(CutWork.First);
        if (!Directory.Exists(Location))
        {
            using ImageRepository made = ImageRepository.Create(Location, password, CancellationToken.None);
            CutWork.MakeCheap(made, CutWork.First, made.KeyName);
        }
        Repository = ImageRepository.Open(Location, password, CancellationToken.None);
    }

    public ImageRepository Repository { get; }

    /// <summary>Called with every line that the job tells.</summary>
    public Action<string>? OnTold { get; set; }
    public IReadOnlyList<string> Told => _told;

    public static IVolumeSystem Volumes => VolumeSystem.Current;

    public int ImageCount => new ImageCatalog(Repository).List(new ImageFilter { IncludeInactive = true }, null, CancellationToken.None).Count;

    public ImageBackupInfo Backup(string device, ImageType? type, QuiesceOptions? quiesce = null, IProgress<JobProgress>? progress = null, int readErrorLimit = 0, TakenSnapshot? taken = null)
    {
        var job = new BackupJob(Repository, Volumes, SnapshotProviders.Current)
        {
            WriteVerbose = line =>
            {
                lock (_told)
                    _told.Add(line);
                Program.Say(line);
                OnTold?.Invoke(line);
            },
        };
        var request = new BackupRequest
        {
            Volume = Volumes.Find(device),
            ImageType = type,
            GapSizeBytes = 0,
            ReadErrorLimit = readErrorLimit,
            Quiesce = quiesce ?? Quick(attempts: 1),
            TakenSnapshot = taken,
        };
        return job.Run(request, progress, CancellationToken.None);
    }

    public static QuiesceOptions Quick(int attempts, bool endsDynamic = false) =>
        new() { Plan = new QuiescePolicy(attempts, endsDynamic), IdleWait = TimeSpan.FromMilliseconds(300) };

    public string RestoreToFile(string id)
    {
        string file = $"/tmp/restored-{id[..8]}.img";
        new RestoreJob(Repository, Volumes).Run(new RestoreRequest { ImageId = id, Destination = file }, null, CancellationToken.None);
        return file;
    }

    public static bool IsReadOnly(string point) => File.ReadLines("/proc/self/mountinfo")
        .Select(line => line.Split(' ')).Where(fields => fields[4] == point)
        .Select(fields => fields[^1].Split(',')[0] == "ro").Last();

    public static bool CanWrite(string point)
    {
        try
        {
            File.WriteAllText(Path.Combine(point, "touched"), "x");
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    public void Dispose() => Repository.Dispose();
}
