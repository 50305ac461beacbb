using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>
/// Two of ours, as two machines are, and restic work in one bucket at once: backups, removals, prunes. IMAGEBACKUP_SOAK says for how many
/// seconds (10).
/// </summary>
[Collection(ObjectStoreTests.Name)]
public sealed class SoakTests(CephService ceph) : IDisposable
{
    private static readonly TimeSpan s_length = TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("IMAGEBACKUP_SOAK") ?? "10", CultureInfo.InvariantCulture));

    private readonly ResticRig _rig = new();
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task Both_tools_in_one_bucket_at_once_lose_nothing()
    {
        ceph.Need();
        ResticTool.Require();
        string url = ceph.Url(ceph.NewName());
        StorageLocation location = StorageRegistry.Parse(url);
        using RepositoryPassword password = TestRepository.NewPassword();
        string first;
        string volume = _rig.Volume("first", 1);
        using (ImageRepository created = ImageRepository.Create(location, password, TestContext.Current.CancellationToken))
            first = ResticRig.Backup(created, volume).Id;

        var clock = Stopwatch.StartNew();
        // Each does its round once at least, however slow the machine is.
        Task[] workers =
        [
            Begin(() => Ours(location, "one", prunes: true, clock)),
            Begin(() => Ours(location, "two", prunes: false, clock)),
            Begin(() => Restic(url, clock)),
        ];
        await Task.WhenAll(workers);

        string counts = string.Join(", ", _counts.OrderBy(count => count.Key, StringComparer.Ordinal).Select(count => $"{count.Key} {count.Value}"));
        TestContext.Current.SendDiagnosticMessage($"{clock.Elapsed.TotalSeconds:F0} s: {counts}.");
        using (ImageRepository repository = ImageRepository.Open(location, password, keyHint: null, TestContext.Current.CancellationToken))
        {
            Assert.Empty(repository.Locks());
            Assert.Empty(repository.Check(readData: true, null, TestContext.Current.CancellationToken).Problems);
            _rig.AssertRestores(repository, first, volume);
            foreach (string name in new[] { "one", "two" })
                _rig.AssertRestores(repository, _last[name], _rig[name]);
        }
        ResticTool.Run(url, "check", "--read-data");
        Assert.True(ResticTool.OutputEquals(url, _rig["restic"], "dump", "--tag", "soak", "latest", _rig["restic"]), "restic's last file differs.");
        foreach (string work in new[] { "backup of one", "backup of two", "restic backup" })
            Assert.True(_counts.ContainsKey(work), counts);
    }

    private readonly ConcurrentDictionary<string, string> _last = new(StringComparer.Ordinal);

    private static Task Begin(Action action) => Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Note(string what) => _counts.AddOrUpdate(what, 1, (_, count) => count + 1);

    /// <summary>Backs a volume up that changes, keeps the last two images, and prunes if it may.</summary>
    private void Ours(StorageLocation location, string name, bool prunes, Stopwatch clock)
    {
        using RepositoryPassword password = TestRepository.NewPassword();
        using ImageRepository repository = ImageRepository.Open(location, password, keyHint: null, TestContext.Current.CancellationToken);
        var images = new Queue<string>();
        string path = _rig.Volume(name, name.Length);
        for (int round = 0; clock.Elapsed < s_length || !_last.ContainsKey(name); round++)
        {
            byte[] content = File.ReadAllBytes(path);
            SeededBytes.Make(round + 1000 * name[0], 1 << 20).CopyTo(content, round % 8 << 20);
            // Which content the last image has is known only if the file is as it was then.
            File.WriteAllBytes(path + ".new", content);
            if (!Try($"backup of {name}", () => _last[name] = ResticRig.Backup(repository, path + ".new").Id))
                continue;
            File.Move(path + ".new", path, overwrite: true);
            images.Enqueue(_last[name]);
            if (images.Count > 2 && Try("removal", () => new RemoveJob(repository).Remove([images.Peek()], null, null, TestContext.Current.CancellationToken)))
                images.Dequeue();
            if (prunes && round % 3 == 2)
                Try("prune", () => repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, TestContext.Current.CancellationToken));
        }
    }

    /// <summary>False: the other ones hold the repository.</summary>
    private bool Try(string what, Action action)
    {
        try
        {
            action();
            Note(what);
            return true;
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.RepositoryLocked)
        {
            Note("locked for " + what);
            Thread.Sleep(100);
            return false;
        }
    }

    private void Restic(string url, Stopwatch clock)
    {
        string path = _rig.Volume("restic", 77);
        for (int round = 0; clock.Elapsed < s_length || !_counts.ContainsKey("restic backup"); round++)
        {
            byte[] content = File.ReadAllBytes(path);
            SeededBytes.Make(5000 + round, 1 << 20).CopyTo(content, round % 8 << 20);
            File.WriteAllBytes(path, content);
            // Until it stands: the test asks for the file as it was last.
            while (!TryRestic(url, "backup", "--tag", "soak", path))
            {
            }
            if (round % 2 == 1)
                TryRestic(url, "forget", "--tag", "soak", "--keep-last", "2", "--prune", "--max-unused", "0");
        }
    }

    private bool TryRestic(string url, params string[] arguments)
    {
        (int code, string output, string error) = ResticTool.TryRun(url, arguments);
        bool isLocked = code != 0 && error.Contains("locked", StringComparison.Ordinal);
        Assert.True(code == 0 || isLocked, $"restic {string.Join(' ', arguments)} ended with {code}: {output}{error}");
        Note((isLocked ? "locked for restic " : "restic ") + arguments[0]);
        return code == 0;
    }
}
