using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Crash;

/// <summary>
/// Several processes on one repository, ours and restic's: backups, forgets, prunes, checks and repairs, many of them killed
/// on the way. At the end every image that a process reported is there and restores.
/// </summary>
internal sealed partial class MixedRun(string directory, int seed)
{
    private const int VolumeBytes = 12 << 20;

    private readonly ConcurrentDictionary<string, string> _hashOfImage = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _faults = new();
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();

    private string Repository { get; } = Path.Combine(directory, "repo");

    /// <summary>What was done, by name.</summary>
    public IReadOnlyDictionary<string, int> Counts => _counts;

    public int KillCount => _counts.Where(c => c.Key.EndsWith(" killed", StringComparison.Ordinal)).Sum(c => c.Value);

    public int ImageCount => _hashOfImage.Count;

    /// <summary>Runs for so long, and then proves what is left.</summary>
    public void Run(TimeSpan length)
    {
        TestRepository.WriteEmpty(Repository);
        Action<Random>[] workers = [r => Ours(r, "a.img"), r => Ours(r, "b.img"), r => Restics(r), Tidy, Look];
        Thread[] threads = [.. workers.Select((work, i) => new Thread(() => Loop(work, new Random(seed * 31 + i))))];
        foreach (Thread thread in threads)
            thread.Start();
        Thread.Sleep(length);
        _stop.Cancel();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.True(_faults.IsEmpty, string.Join(Environment.NewLine, _faults));
        Prove();
    }

    private void Loop(Action<Random> work, Random random)
    {
        while (!_stop.IsCancellationRequested && _faults.IsEmpty)
        {
            try
            {
                work(random);
            }
            catch (Exception e)
            {
                _faults.Enqueue(e.ToString());
            }
        }
    }

    private void Count(string what) => _counts.AddOrUpdate(what, 1, (_, n) => n + 1);

    /// <summary>A volume that changes a little from image to image.</summary>
    private string Change(Random random, string name)
    {
        string path = Path.Combine(directory, name);
        byte[] content = File.Exists(path) ? File.ReadAllBytes(path) : SeededBytes.Make(random.Next(), VolumeBytes);
        for (int i = 0; i < 6; i++)
            SeededBytes.Make(random.Next(), 200_000).CopyTo(content, random.Next(content.Length - 200_000));
        File.WriteAllBytes(path, content);
        return path;
    }

    private void Ours(Random random, string name)
    {
        string volume = Change(random, name);
        string hash = HashOf(volume);
        using HostProcess host = HostProcess.Begin($"(Backup-VolumeImage '{volume}' -Repository '{Repository}' -ChunkSize 256KB).Id");
        if (random.Next(3) == 0 && !EndsWithin(() => host.HasEnded, random.Next(500, 4000)))
        {
            host.Kill();
            Count("our backup killed");
            return;
        }
        (int code, string output, string error) = host.End();
        if (code == 0 && ImageId().Match(output) is { Success: true } id)
        {
            _hashOfImage[id.Value] = hash;
            Count("our backup done");
        }
        else if (error.Contains("locked", StringComparison.OrdinalIgnoreCase))
        {
            Count("our backup locked out");
        }
        else
        {
            throw new InvalidOperationException($"Our backup ended with {code}: {error}{output}");
        }
    }

    private void Restics(Random random)
    {
        string volume = Change(random, "c.img");
        string hash = HashOf(volume);
        string? output = Restic(random, "restic backup", "backup", "--json", "--stdin-filename", "volume.img", volume);
        if (output is not null && SnapshotId().Match(output) is { Success: true } id)
            _hashOfImage[Resolve(id.Groups[1].Value)] = hash;
    }

    /// <summary>Forgets some image, and prunes.</summary>
    private void Tidy(Random random)
    {
        Thread.Sleep(random.Next(500, 2500));
        string[] images = [.. _hashOfImage.Keys];
        if (images.Length > 4)
        {
            string image = images[random.Next(images.Length)];
            // From here on nobody may rely on it, whether the forgetting succeeds or is killed.
            _hashOfImage.TryRemove(image, out _);
            Restic(random, "restic forget", "forget", image);
        }
        switch (random.Next(5))
        {
            case 0:
                Exclusive(random, "our repair", $"Repair-ImageRepository '{Repository}' -Confirm:$false");
                break;
            case 1 or 2:
                Exclusive(random, "our prune", $"Optimize-ImageRepository '{Repository}' -MaxUnused 0 -Confirm:$false");
                break;
            default:
                Restic(random, "restic prune", "prune", "--max-unused", "0");
                break;
        }
    }

    /// <summary>What wants the repository for itself; tried a few times, because somebody is nearly always at work.</summary>
    private void Exclusive(Random random, string what, string command)
    {
        for (int attempt = 0; attempt < 6 && !_stop.IsCancellationRequested; attempt++)
        {
            using HostProcess host = HostProcess.Begin(command);
            if (random.Next(3) == 0 && !EndsWithin(() => host.HasEnded, random.Next(800, 5000)))
            {
                host.Kill();
                Count(what + " killed");
                return;
            }
            (int code, string output, string error) = host.End();
            if (code == 0)
            {
                Count(what + " done");
                return;
            }
            if (!error.Contains("locked", StringComparison.OrdinalIgnoreCase))
                throw new InvalidOperationException($"{what} ended with {code}: {error}{output}");
            Count(what + " locked out");
        }
    }

    private void Look(Random random)
    {
        Thread.Sleep(random.Next(200, 1500));
        try
        {
            using ImageRepository repository = TestRepository.Open(Repository);
            RepositoryCheckResult result = repository.Check(readData: random.Next(2) == 0, null, _stop.Token);
            // A forget, a prune or a backup beside a check is kept out by neither lock; only images' damage is a fault.
            if (result.DamagedImages.Any(i => _hashOfImage.ContainsKey(i.ImageId)))
                throw new InvalidOperationException("A check found damage: " + string.Join("; ", result.Problems));
            Count("our check done");
        }
        catch (ImageBackupException e) when (e.Id is ErrorId.RepositoryLocked)
        {
            Count("our check locked out");
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>Null if it was killed or kept out by a lock.</summary>
    private string? Restic(Random random, string what, params string[] arguments)
    {
        // restic takes a stale lock away only when it is told to.
        ResticTool.TryRun(Repository, "unlock");
        using Process process = ResticTool.Begin(Repository, arguments);
        System.Threading.Tasks.Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (random.Next(3) == 0 && !EndsWithin(() => process.HasExited, random.Next(50, 1500)))
        {
            process.Kill();
            process.WaitForExit();
            Count(what + " killed");
            return null;
        }
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(3)), what + " did not end.");
        process.WaitForExit();
        if (process.ExitCode == 0)
        {
            Count(what + " done");
            return output.Result;
        }
        if (error.Result.Contains("lock", StringComparison.OrdinalIgnoreCase))
        {
            Count(what + " locked out");
            return null;
        }
        throw new InvalidOperationException($"{what} ended with {process.ExitCode}: {error.Result}{output.Result}");
    }

    private static bool EndsWithin(Func<bool> hasEnded, int milliseconds)
    {
        var clock = Stopwatch.StartNew();
        while (!hasEnded() && clock.ElapsedMilliseconds < milliseconds)
            Thread.Sleep(5);
        return hasEnded();
    }

    private string Resolve(string beginning) => Directory.GetFiles(Path.Combine(Repository, "snapshots")).Select(f => Path.GetFileName(f)).Single(n => n.StartsWith(beginning, StringComparison.Ordinal));

    private void Prove()
    {
        using ImageRepository repository = TestRepository.Open(Repository);
        // Nobody lives any more: all that is left is stale, and the first who comes takes it away.
        Assert.All(repository.Locks(), l => Assert.True(l.IsStale));
        foreach ((string id, string hash) in _hashOfImage)
        {
            string path = Path.Combine(directory, "out.img");
            new RestoreJob(repository, VolumeSystem.Current).Run(new RestoreRequest { ImageId = id, Destination = path, ReplaceFile = true }, null, CancellationToken.None);
            Assert.True(hash == HashOf(path), $"The image {id} does not restore to what was backed up.");
        }
        RepositoryCheckResult check = repository.Check(readData: true, null, CancellationToken.None);
        Assert.True(check.IsHealthy, string.Join(Environment.NewLine, check.Problems));
        ResticTool.TryRun(Repository, "unlock");
        ResticTool.Run(Repository, "check", "--read-data");
    }

    private static string HashOf(string path)
    {
        using FileStream file = File.OpenRead(path);
        return Convert.ToHexString(SHA256.HashData(file));
    }

    [GeneratedRegex("[0-9a-f]{64}")]
    private static partial Regex ImageId();

    [GeneratedRegex("\"snapshot_id\":\"([0-9a-f]+)\"")]
    private static partial Regex SnapshotId();
}
