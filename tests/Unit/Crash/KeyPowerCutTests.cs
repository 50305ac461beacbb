using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Crash;

/// <summary>The power goes at every step of a change of password, which adds a key and removes one: one of the two always opens.</summary>
public sealed class KeyPowerCutTests
{
    private const string New = "new";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_cut_at_any_step_of_a_change_of_password_leaves_one_that_opens(bool isOneStep)
    {
        using var directory = new PowerCutDirectory();
        byte[] content = JobRig.Content("ab0c", 99);
        string image = "", old = "";
        directory.Do(storage =>
        {
            var volumes = new VolumeDouble();
            volumes.Add("/mem/a", content);
            using ImageRepository repository = PowerCutDirectory.Open(storage);
            image = JobRig.BackUp(repository, volumes, "/mem/a").Id;
            old = repository.KeyName;
        });
        var whole = new Dictionary<string, byte[]> { [image] = content };
        var left = new ConcurrentBag<(int StepCount, bool HasOld, bool HasNew)>();

        int stateCount = directory.CutAtEveryStep(
            storage =>
            {
                using RepositoryPassword password = TestRepository.NewPassword(New);
                using (ImageRepository repository = PowerCutDirectory.Open(storage))
                {
                    if (isOneStep)
                    {
                        repository.ChangePassword(password, label: null, CancellationToken.None);
                        return;
                    }
                    repository.AddKey(password, CancellationToken.None);
                }
                using ImageRepository other = Open(storage, password);
                other.RemoveKey(old, CancellationToken.None);
            },
            (storage, state) =>
            {
                string[] keys = [.. storage.List(StoredKind.Key).Select(k => k.Name)];
                bool hasOld = keys.Contains(old), hasNew = keys.Any(k => k != old);
                left.Add((state.StepCount, hasOld, hasNew));
                using RepositoryPassword password = TestRepository.NewPassword(hasNew ? New : TestRepository.Password);
                using ImageRepository repository = Open(storage, password);
                repository.RemoveLocks(all: true, CancellationToken.None);
                Assert.All(repository.Keys(), key => Assert.Null(key.Problem));
                if (hasNew && hasOld)
                {
                    // The old one opens still, until the change is ended.
                    PowerCutDirectory.Open(new LocalStorage(storage.Location.LocalPath!)).Dispose();
                    repository.RemoveKey(old, CancellationToken.None);
                }
                // Each try of a key costs a tenth of a second.
                if (hasNew && state.Kind == CutKind.Killed)
                    JobRig.AssertFails(ErrorId.WrongPassword, () => PowerCutDirectory.Open(new LocalStorage(storage.Location.LocalPath!)));
                PowerCutDirectory.AssertWhole(repository, new VolumeDouble(), whole);
            });

        TestContext.Current.TestOutputHelper?.WriteLine($"{stateCount} states");
        Assert.InRange(stateCount, isOneStep ? 30 : 60, 2000);
        int last = left.Max(l => l.StepCount);
        Assert.All(left.Where(l => l.StepCount == last), l => Assert.Equal((false, true), (l.HasOld, l.HasNew)));
        Assert.Contains(left, l => l is { HasOld: true, HasNew: true });
        Assert.Contains(left, l => l is { HasOld: true, HasNew: false });
    }

    private static ImageRepository Open(IStorage storage, RepositoryPassword password)
    {
        ImageRepository repository = ImageRepository.Open(storage, password, CancellationToken.None);
        repository.LockTiming = PowerCutDirectory.Timing;
        return repository;
    }
}
