using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Volumes;
using static ImageBackup.Bench.MiddleValue;

namespace ImageBackup.Bench;

/// <summary>
/// What an image gives to who reads in it: single reads of 64 KiB at places that nobody foresees, and all of it in order, beside a restore
/// of the same image by turns. In this process, with the index loaded.
/// </summary>
/// <param name="volume">The volume whose image is read, the whole of it.</param>
/// <param name="work">Where the repository and the restored file go.</param>
/// <param name="runs">Turns; the median counts.</param>
internal sealed class BlockReads(string volume, string work, int runs)
{
    private const int RandomBytes = 64 << 10;
    private const int RandomCount = 1000;
    private const int SequentialBytes = 1 << 20;

    public void Run()
    {
        using RepositoryPassword password = RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes("bench"));
        using ImageRepository repository = ImageRepository.Create(Path.Combine(work, "reads"), password, CancellationToken.None);
        ImageBackupInfo info = new BackupJob(repository, VolumeSystem.Current).Run(
            new BackupRequest { Volume = VolumeSystem.Current.Find(volume) }, null, CancellationToken.None);
        BlobIndex index = repository.LoadIndex(CancellationToken.None);
        ImageContent image = ImageContent.Load(repository, info.Id, index, CancellationToken.None);
        List<double> single = [], inOrder = [], restored = [];
        for (int run = 0; run < runs; run++)
        {
            using (var reader = new ImageBlockReader(repository, image))
                single.AddRange(Random(reader, run));
            using (var reader = new ImageBlockReader(repository, image))
                inOrder.Add(Seconds(() => InOrder(reader)));
            string target = Path.Combine(work, "restored.img");
            restored.Add(Seconds(() => new RestoreJob(repository, VolumeSystem.Current).Run(new RestoreRequest { ImageId = info.Id, Destination = target }, null, CancellationToken.None)));
            File.Delete(target);
        }
        single.Sort();
        double order = Median(inOrder), restore = Median(restored);
        Console.WriteLine(FormattableString.Invariant($"{image.SizeBytes / 1e9:F2} GB; {runs} turns, medians; the index is loaded"));
        Console.WriteLine(FormattableString.Invariant($"a read of 64 KiB at a random place: median {single[single.Count / 2] * 1000:F2} ms, 99 of 100 under {single[single.Count * 99 / 100] * 1000:F2} ms"));
        Console.WriteLine(FormattableString.Invariant($"all of it in order: {order:F2} s; its restore to a file: {restore:F2} s; {restore / order:F2} of the restore's speed"));
    }

    private static IEnumerable<double> Random(ImageBlockReader reader, int seed)
    {
        var random = new Random(seed);
        byte[] buffer = new byte[RandomBytes];
        for (int i = 0; i < RandomCount; i++)
        {
            long offsetBytes = random.NextInt64(reader.LengthBytes / RandomBytes) * RandomBytes;
            yield return Seconds(() => reader.ReadAt(offsetBytes, buffer));
        }
    }

    private static void InOrder(ImageBlockReader reader)
    {
        byte[] buffer = new byte[SequentialBytes];
        for (long at = 0; at < reader.LengthBytes;)
            at += reader.ReadAt(at, buffer);
    }

    private static double Seconds(Action action)
    {
        var clock = Stopwatch.StartNew();
        action();
        return clock.Elapsed.TotalSeconds;
    }
}
