using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text.Json;
using System.Threading;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Retention;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Interop.Restic;

/// <summary>Our removals in restic's eyes, restic's in ours, and each after the other was killed.</summary>
public sealed class PruneTests(ITestOutputHelper output) : IDisposable
{
    private readonly ResticRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void What_we_removed_and_rewrote_is_clean_for_restic()
    {
        string a = _rig.Volume("a.img", 1), b = _rig.Volume("b.img", 2), both = _rig["both.img"];
        // Half of each: packs of the removed images are partly in use.
        File.WriteAllBytes(both, [.. File.ReadAllBytes(a).AsSpan(0, 4 << 20), .. File.ReadAllBytes(b).AsSpan(0, 4 << 20)]);
        using ImageRepository repository = _rig.Create("repo");
        string[] gone = [ResticRig.Backup(repository, a).Id, ResticRig.Backup(repository, b).Id];
        ImageBackupInfo kept = ResticRig.Backup(repository, both);
        new RemoveJob(repository).Remove(gone, null, null, CancellationToken.None);
        RepositoryOptimizeResult result = Prune(repository);
        Assert.True(result is { RepackedPackCount: > 0, RemovedPackCount: > 0, FreedBytes: > 4 << 20 });
        AssertClean(repository, expectsNothingUnused: true);
        Assert.True(ResticTool.OutputEquals(_rig["repo"], both, "dump", kept.Id, "volume.img"));
        _rig.AssertRestores(repository, kept.Id, both);
        ResticTool.Run(_rig["repo"], "backup", a);
        ImageBackupInfo again = ResticRig.Backup(repository, a);
        _rig.AssertRestores(repository, again.Id, a);
        AssertClean(repository, expectsNothingUnused: false);
    }

    [Theory]
    [InlineData("off")]
    [InlineData("auto")]
    public void We_prune_what_restic_made(string compression)
    {
        string tree = MakeTree("tree", 1);
        string volume = _rig.Volume("a.img", 3);
        using ImageRepository repository = _rig.CreateByRestic("repo");
        ResticTool.Run(_rig["repo"], "backup", tree, "--compression", compression);
        ResticTool.RunWithInput(_rig["repo"], volume, "backup", "--stdin", "--stdin-filename", "disk.img", "--compression", compression);
        ImageBackupInfo ours = ResticRig.Backup(repository, volume);
        // A directory less, a file more, one changed; then the first state is forgotten.
        Directory.Delete(Path.Combine(tree, "sub1"), recursive: true);
        File.WriteAllBytes(Path.Combine(tree, "new"), SeededBytes.Make(77, 700_000));
        ResticTool.Run(_rig["repo"], "backup", tree, "--compression", compression);
        ResticTool.Run(_rig["repo"], "forget", "--path", tree, "--keep-last", "1");
        RepositoryOptimizeResult result = Prune(repository);
        Assert.True(result is { UnusedBlobCount: > 0, RemovedPackCount: > 0, RemainingUnusedBytes: 0 });
        AssertClean(repository, expectsNothingUnused: true);
        ResticTool.Run(_rig["repo"], "restore", "latest", "--path", tree, "--target", _rig["back"]);
        Assert.Equal(Digest(tree), Digest(_rig["back"] + tree));
        foreach (ImageBackupInfo image in ResticRig.List(repository))
            _rig.AssertRestores(repository, image.Id, volume);
        Assert.Equal(2, ResticRig.List(repository).Length);
        Assert.Contains(ours.Id, ResticRig.List(repository).Select(i => i.Id));
    }

    [Fact]
    public void Restic_prunes_after_us_and_we_after_restic()
    {
        var volumes = new Dictionary<string, string>();
        using ImageRepository repository = _rig.Create("repo");
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 3; i++)
            {
                string volume = _rig.Volume($"v{round}-{i}.img", round * 2 + i, 3_000_000 + i * 1000);
                volumes.Add(ResticRig.Backup(repository, volume).Id, volume);
            }
            string gone = volumes.Keys.ElementAt(round);
            volumes.Remove(gone);
            if (round % 2 == 0)
            {
                new RemoveJob(repository).Remove([gone], null, null, CancellationToken.None);
                ResticTool.Run(_rig["repo"], "prune", "--max-unused", "0");
            }
            else
            {
                ResticTool.Run(_rig["repo"], "forget", gone);
                Prune(repository);
            }
            AssertClean(repository, expectsNothingUnused: true);
            foreach (KeyValuePair<string, string> image in volumes)
                _rig.AssertRestores(repository, image.Key, image.Value);
        }
    }

    /// <summary>restic killed at some moment of its prune; its lock is stale, its work half done; ours ends it.</summary>
    [Fact]
    public void Ours_ends_what_a_killed_restic_began()
    {
        using ImageRepository repository = _rig.Create("repo");
        int kills = 0;
        var random = new Random(5);
        for (int round = 0; round < 8; round++)
        {
            string gone = _rig.Volume("gone.img", 10 + round, 6_000_000), kept = _rig["kept.img"];
            File.WriteAllBytes(kept, [.. File.ReadAllBytes(gone).AsSpan(0, 2 << 20), .. SeededBytes.Make(100 + round, 500_000)]);
            string goneId = ResticRig.Backup(repository, gone).Id, keptId = ResticRig.Backup(repository, kept).Id;
            new RemoveJob(repository).Remove([goneId], null, null, CancellationToken.None);
            using (Process restic = ResticTool.Begin(_rig["repo"], ["prune", "--max-unused", "0"]))
            {
                restic.OutputDataReceived += (_, _) => { };
                restic.ErrorDataReceived += (_, _) => { };
                restic.BeginOutputReadLine();
                restic.BeginErrorReadLine();
                // restic needs about a second, most of it for the password: wait for its lock, then a little longer each time.
                Assert.True(SpinWait.SpinUntil(() => restic.HasExited || Directory.GetFiles(_rig["repo/locks"]).Length > 0, TimeSpan.FromSeconds(60)));
                Thread.Sleep(random.Next(20 + round * 60));
                if (!restic.HasExited)
                {
                    restic.Kill();
                    kills++;
                }
                restic.WaitForExit();
            }
            _rig.AssertRestores(repository, keptId, kept);
            if (round % 2 == 0)
                ResticRig.Backup(repository, kept);
            Prune(repository);
            AssertClean(repository, expectsNothingUnused: true);
            _rig.AssertRestores(repository, keptId, kept);
            new RemoveJob(repository).Remove(ResticRig.List(repository).Select(i => i.Id).ToList(), null, null, CancellationToken.None);
        }
        output.WriteLine($"{kills} of 8 were killed");
    }

    /// <summary>Ours killed at calls all over it, on a real directory: restic finds it clean, and its prune ends ours.</summary>
    [Fact]
    public void Restic_ends_what_a_killed_one_of_ours_began()
    {
        string gone = _rig.Volume("gone.img", 1, 6_000_000), kept = _rig["kept.img"];
        File.WriteAllBytes(kept, [.. File.ReadAllBytes(gone).AsSpan(0, 2 << 20), .. SeededBytes.Make(2, 500_000)]);
        using (ImageRepository repository = _rig.Create("master"))
        {
            // One thread puts all of it into one pack. Two could put just what is kept into a pack of its own, and nothing would be repacked.
            string id = ResticRig.Backup(repository, gone, threadCount: 1).Id;
            ResticRig.Backup(repository, kept);
            new RemoveJob(repository).Remove([id], null, null, CancellationToken.None);
        }
        int count = KilledPrune("master", "count", int.MaxValue);
        int[] points = Enumerable.Range(0, 7).Select(i => count * i / 7 + 1).ToArray();
        foreach (int killed in points)
        {
            KilledPrune("master", $"at{killed}", killed);
            string path = _rig[$"at{killed}"];
            foreach (string left in Directory.GetFiles(Path.Combine(path, "locks")))
                File.Delete(left);
            ResticTool.Run(path, "check", "--read-data");
            ResticTool.Run(path, "prune", "--max-unused", "0");
            ResticTool.Run(path, "check", "--read-data");
            using ImageRepository repository = TestRepository.Open(path);
            _rig.AssertRestores(repository, Assert.Single(ResticRig.List(repository)).Id, kept);
            Assert.Equal(0, TestRepository.AssertHealthy(repository).UnreferencedPackCount);
            Directory.Delete(path, recursive: true);
        }
        output.WriteLine($"killed at {string.Join(", ", points)} of {count} calls");
    }

    [Fact]
    public void Format_1_is_not_written()
    {
        string volume = _rig.Volume("a.img", 1, 200_000);
        using ImageRepository repository = _rig.CreateByRestic("repo", 1);
        ResticTool.RunWithInput(_rig["repo"], volume, "backup", "--stdin");
        string[] before = Directory.GetFiles(_rig["repo"], "*", SearchOption.AllDirectories);
        string id = Assert.Single(ResticRig.List(repository)).Id;
        using RepositoryPassword password = TestRepository.NewPassword("new");
        foreach (Action action in new Action[]
        {
            () => Prune(repository),
            () => new RemoveJob(repository).Remove([id], null, null, CancellationToken.None),
            () => new RemoveJob(repository).State(new VolumeRemoval("/stdin", "x", DateTimeOffset.Now), CancellationToken.None),
            () => repository.AddKey(password, CancellationToken.None),
            () => repository.RemoveKey(repository.KeyName, CancellationToken.None),
        })
        {
            Assert.Equal(ErrorId.RepositoryVersionUnsupported, Assert.Throws<ImageBackupException>(action).Id);
        }
        Assert.Equal(before.Order(StringComparer.Ordinal), Directory.GetFiles(_rig["repo"], "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
        // A look is allowed.
        Assert.Equal(0, repository.Optimize(UnusedLimit.Default, isPlan: true, null, CancellationToken.None).UnusedBytes);
    }

    [Fact]
    public void Keys_of_ours_open_for_restic_and_those_of_restic_for_us()
    {
        using ImageRepository repository = _rig.Create("repo");
        string first = repository.KeyName;
        using RepositoryPassword password = TestRepository.NewPassword("the new one");
        RepositoryKeyInfo added = repository.AddKey(password, CancellationToken.None);
        string file = _rig["new-password"];
        File.WriteAllText(file, "the new one");
        using JsonDocument keys = JsonDocument.Parse(ResticTool.Run(_rig["repo"], "key", "list", "--json", "--password-file", file));
        Assert.Equal(2, keys.RootElement.GetArrayLength());
        JsonElement current = keys.RootElement.EnumerateArray().Single(k => k.GetProperty("current").GetBoolean());
        Assert.StartsWith(current.GetProperty("id").GetString()!, added.Id, StringComparison.Ordinal);
        Assert.Equal((Environment.UserName, Environment.MachineName), (current.GetProperty("userName").GetString(), current.GetProperty("hostName").GetString()));
        using (ImageRepository opened = ImageRepository.Open(_rig["repo"], password, CancellationToken.None))
            opened.RemoveKey(first, CancellationToken.None);
        Assert.NotEqual(0, ResticTool.TryRun(_rig["repo"], "snapshots").Code);
        ResticTool.Run(_rig["repo"], "check", "--password-file", file);
        // restic's own key, listed and removed by us.
        File.WriteAllText(_rig["theirs"], "theirs");
        ResticTool.Run(_rig["repo"], "key", "add", "--new-password-file", _rig["theirs"], "--password-file", file);
        using ImageRepository again = ImageRepository.Open(_rig["repo"], password, CancellationToken.None);
        RepositoryKeyInfo theirs = again.Keys().Single(k => !k.IsCurrent);
        Assert.Null(theirs.Problem);
        again.RemoveKey(theirs.Id, CancellationToken.None);
        Assert.NotEqual(0, ResticTool.TryRun(_rig["repo"], "snapshots", "--password-file", _rig["theirs"]).Code);
        ResticTool.Run(_rig["repo"], "snapshots", "--password-file", file);
    }

    [Fact]
    public void Statements_and_the_enforced_policy_survive_both_prunes()
    {
        string volume = _rig.Volume("a.img", 1, 2_000_000);
        using ImageRepository repository = _rig.Create("repo");
        string id = ResticRig.Backup(repository, volume).Id;
        new RemoveJob(repository).State(new VolumeRemoval(volume, Environment.MachineName, DateTimeOffset.Now), CancellationToken.None);
        var store = new EnforcedPolicyStore(repository);
        EnforcedPolicy policy = store.Load(null, CancellationToken.None);
        store.Save(policy with { Classes = policy.Classes.Set(new ManagementClass { Name = "GOLD" }) }, CancellationToken.None);
        for (int i = 0; i < 2; i++)
        {
            if (i == 0)
                Prune(repository);
            else
                ResticTool.Run(_rig["repo"], "prune", "--max-unused", "0");
            AssertClean(repository, expectsNothingUnused: true);
            Assert.Equal(3, Directory.GetFiles(_rig["repo/snapshots"]).Length);
            Assert.False(Assert.Single(ResticRig.List(repository)).IsActive);
            Assert.Contains(new EnforcedPolicyStore(repository).Load(null, CancellationToken.None).Classes.Classes, c => c.Name == "GOLD");
        }
        // restic's latest is an image still.
        Assert.True(ResticTool.OutputEquals(_rig["repo"], volume, "dump", "latest", "volume.img"));
        _rig.AssertRestores(repository, id, volume);
    }

    private static RepositoryOptimizeResult Prune(ImageRepository repository) => repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, CancellationToken.None);

    private void AssertClean(ImageRepository repository, bool expectsNothingUnused)
    {
        Assert.Contains("no errors were found", ResticTool.Run(repository.Location, "check", "--read-data"), StringComparison.Ordinal);
        RepositoryCheckResult result = TestRepository.AssertHealthy(repository);
        if (!expectsNothingUnused)
            return;
        Assert.Equal(0, result.UnreferencedPackCount);
        Assert.Equal(0, repository.Optimize(UnusedLimit.Bytes(0), isPlan: true, null, CancellationToken.None).UnusedBytes);
    }

    /// <summary>Prunes a copy of a repository, killed at a call; gives the number of calls made.</summary>
    private int KilledPrune(string master, string copy, int killed)
    {
        foreach (string directory in Directory.GetDirectories(_rig[master], "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(directory.Replace(_rig[master], _rig[copy], StringComparison.Ordinal));
        foreach (string file in Directory.GetFiles(_rig[master], "*", SearchOption.AllDirectories))
            File.Copy(file, file.Replace(_rig[master], _rig[copy], StringComparison.Ordinal));
        using var local = new LocalStorage(_rig[copy]);
        var storage = new FaultyStorage(local);
        using ImageRepository repository = TestRepository.Open(storage);
        storage.Reset();
        int calls = 0;
        storage.Script = _ => Interlocked.Increment(ref calls) > killed ? new StorageFault(StorageProblem.WriteError, FaultMoment.Before) : null;
        if (killed == int.MaxValue)
            Assert.True(Prune(repository).RepackedPackCount > 0);
        else
            Assert.ThrowsAny<Exception>(() => Prune(repository));
        return calls;
    }

    private string MakeTree(string name, int seed)
    {
        string root = _rig[name];
        for (int i = 0; i < 4; i++)
        {
            Directory.CreateDirectory(Path.Combine(root, $"sub{i}", "deep", "er"));
            File.WriteAllBytes(Path.Combine(root, $"sub{i}", "a"), SeededBytes.Make(seed + i, 300_000 + i));
            File.WriteAllBytes(Path.Combine(root, $"sub{i}", "deep", "er", "b"), SeededBytes.Make(seed * 50 + i, 1_500_000));
            File.WriteAllText(Path.Combine(root, $"sub{i}", "deep", "text"), string.Concat(Enumerable.Repeat($"line {i}\n", 5000)));
        }
        File.CreateSymbolicLink(Path.Combine(root, "link"), "sub0/a");
        File.WriteAllBytes(Path.Combine(root, "empty"), []);
        return root;
    }

    private static string[] Digest(string root) => Directory.EnumerateFileSystemEntries(root, "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(root, path) + " " + (File.Exists(path) ? Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))) : "directory"))
        .Order(StringComparer.Ordinal).ToArray();
}
