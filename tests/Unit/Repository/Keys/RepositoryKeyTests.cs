using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Keys;

/// <summary>Passwords added and removed: always one opens the repository.</summary>
public sealed class RepositoryKeyTests : IDisposable
{
    private readonly JobRig _rig = new(TestRepository.NewQuickStorage());

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void A_password_is_changed_in_two_steps_and_opens_at_each()
    {
        RepositoryKeyInfo old = Assert.Single(_rig.Repository.Keys());
        Assert.Equal((true, _rig.Repository.KeyName, null), (old.IsCurrent, old.Id, old.Problem));
        RepositoryKeyInfo added = Add("new");
        Assert.Equal((false, Environment.MachineName, Environment.UserName), (added.IsCurrent, added.ComputerName, added.UserName));
        Assert.InRange(added.Created!.Value, DateTime.Now.AddMinutes(-5), DateTime.Now.AddSeconds(5));
        Assert.Equal(2, _rig.Repository.Keys().Count);
        Open("pw").Dispose();
        using (ImageRepository opened = Open("new"))
        {
            Assert.Equal(added.Id, opened.KeyName);
            Assert.Equal([false, true], opened.Keys().OrderBy(k => k.Id == added.Id).Select(k => k.IsCurrent));
            opened.RemoveKey(old.Id, CancellationToken.None);
            Assert.Equal(added.Id, Assert.Single(opened.Keys()).Id);
        }
        Open("new").Dispose();
        JobRig.AssertFails(ErrorId.WrongPassword, () => Open("pw"));
        Assert.Empty(_rig.Memory.Names(StoredKind.Lock));
    }

    [Fact]
    public void Never_the_one_in_use_and_never_the_last()
    {
        JobRig.AssertFails(ErrorId.KeyInUse, () => _rig.Repository.RemoveKey(_rig.Repository.KeyName, CancellationToken.None));
        RepositoryKeyInfo added = Add("new");
        JobRig.AssertFails(ErrorId.KeyInUse, () => _rig.Repository.RemoveKey(_rig.Repository.KeyName, CancellationToken.None));
        JobRig.AssertFails(ErrorId.KeyNotFound, () => _rig.Repository.RemoveKey(new string('0', 64), CancellationToken.None));
        JobRig.AssertFails(ErrorId.KeyNotFound, () => _rig.Repository.RemoveKey("../config", CancellationToken.None));
        // Somebody removed the key in use: the other one is what remains.
        byte[] own = _rig.Memory.Content(StoredKind.Key, _rig.Repository.KeyName);
        _rig.Memory.Delete(StoredKind.Key, _rig.Repository.KeyName);
        JobRig.AssertFails(ErrorId.KeyIsLast, () => _rig.Repository.RemoveKey(added.Id, CancellationToken.None));
        _rig.Memory.Save(StoredKind.Key, _rig.Repository.KeyName, own.AsSpan(1));
        JobRig.AssertFails(ErrorId.KeyIsLast, () => _rig.Repository.RemoveKey(added.Id, CancellationToken.None));
        _rig.Memory.Replace(StoredKind.Key, _rig.Repository.KeyName, own);
        _rig.Repository.RemoveKey(added.Id, CancellationToken.None);
        Assert.Equal(_rig.Repository.KeyName, Assert.Single(_rig.Repository.Keys()).Id);
    }

    [Fact]
    public void A_password_is_changed_in_one_step_and_the_open_repository_goes_on()
    {
        string old = _rig.Repository.KeyName;
        using RepositoryPassword labelled = TestRepository.NewPassword("labelled"), changed = TestRepository.NewPassword("changed");
        RepositoryKeyInfo first = _rig.Repository.ChangePassword(labelled, "the safe", CancellationToken.None);
        Assert.Equal((true, "the safe", _rig.Repository.KeyName), (first.IsCurrent, first.Label, first.Id));
        Assert.DoesNotContain(_rig.Repository.Keys(), key => key.Id == old);
        // The label stays, if none is given.
        Assert.Equal("the safe", _rig.Repository.ChangePassword(changed, null, CancellationToken.None).Label);
        Assert.Equal(_rig.Repository.KeyName, Assert.Single(_rig.Repository.Keys()).Id);
        Open("changed").Dispose();
        JobRig.AssertFails(ErrorId.WrongPassword, () => Open("pw"));
        JobRig.AssertFails(ErrorId.WrongPassword, () => Open("labelled"));
        Assert.Empty(_rig.Memory.Names(StoredKind.Lock));
    }

    [Theory]
    [InlineData("two\nlines")]
    [InlineData(" ")]
    [InlineData("\u001b[2J")]
    public void A_label_is_one_line(string label)
    {
        using RepositoryPassword password = TestRepository.NewPassword("new");
        JobRig.AssertFails(ErrorId.ParameterInvalid, () => _rig.Repository.AddKey(password, CancellationToken.None, label));
        JobRig.AssertFails(ErrorId.ParameterInvalid, () => _rig.Repository.CheckNewKey(password, new string('x', 101)));
        Assert.Single(_rig.Repository.Keys());
    }

    [Fact]
    public void What_only_checks_writes_nothing()
    {
        using RepositoryPassword password = TestRepository.NewPassword("new"), empty = TestRepository.NewPassword("");
        _rig.Repository.CheckNewKey(password, "label");
        _rig.Repository.CheckNewPassword(password, null);
        JobRig.AssertFails(ErrorId.PasswordMissing, () => _rig.Repository.CheckNewPassword(empty, null));
        using (_rig.Repository.Lock(isExclusive: false, CancellationToken.None))
        {
            _rig.Repository.CheckNewKey(password, null);
            JobRig.AssertFails(ErrorId.RepositoryLocked, () => _rig.Repository.CheckNewPassword(password, null));
        }
        Assert.Single(_rig.Repository.Keys());
    }

    [Fact]
    public void A_damaged_key_is_listed_with_what_is_wrong_and_can_be_removed()
    {
        byte[] garbage = "no key"u8.ToArray();
        string bad = BlobId.Of(garbage).ToString();
        _rig.Memory.Save(StoredKind.Key, bad, garbage);
        RepositoryKeyInfo listed = _rig.Repository.Keys().Single(k => k.Id == bad);
        Assert.Contains("does not have the format of a key", listed.Problem, StringComparison.Ordinal);
        Assert.Null(listed.Created);
        _rig.Repository.RemoveKey(bad, CancellationToken.None);
        Assert.Single(_rig.Repository.Keys());
    }

    [Fact]
    public void Not_more_keys_than_are_tried_and_none_without_a_password()
    {
        JobRig.AssertFails(ErrorId.PasswordMissing, () => Add(""));
        for (int i = 1; i < 20; i++)
        {
            byte[] filler = Encoding.UTF8.GetBytes($"key {i}");
            _rig.Memory.Save(StoredKind.Key, BlobId.Of(filler).ToString(), filler);
        }
        JobRig.AssertFails(ErrorId.NotSupported, () => Add("one too many"));
        Assert.Equal(20, _rig.Repository.Keys().Count);
    }

    [Fact]
    public void Others_may_work_while_a_key_comes_and_not_while_one_goes()
    {
        using (_rig.Repository.Lock(isExclusive: false, CancellationToken.None))
        {
            RepositoryKeyInfo added = Add("new");
            JobRig.AssertFails(ErrorId.RepositoryLocked, () => _rig.Repository.RemoveKey(added.Id, CancellationToken.None));
        }
        using (_rig.Repository.Lock(isExclusive: true, CancellationToken.None))
            JobRig.AssertFails(ErrorId.RepositoryLocked, () => Add("newer"));
    }

    /// <summary>Killed at every call, or its deletions lost in a power cut: one of the two passwords opens, and all keys are whole.</summary>
    [Fact]
    public void A_change_that_is_killed_leaves_a_key_that_opens()
    {
        int kills = 0;
        foreach (FaultMoment moment in new[] { FaultMoment.Before, FaultMoment.After })
        {
            for (int killed = 0; ; killed++)
            {
                MemoryStorage memory = TestRepository.NewQuickStorage();
                var storage = new FaultyStorage(memory);
                using var rig = new JobRig(memory, _ => storage);
                string old = rig.Repository.KeyName;
                int calls = 0, at = killed;
                storage.Script = _ => Interlocked.Increment(ref calls) - 1 is var call && call >= at
                    ? new StorageFault(StorageProblem.WriteError, call == at ? moment : FaultMoment.Before)
                    : null;
                bool isKilled = false;
                try
                {
                    using RepositoryPassword password = TestRepository.NewPassword("new");
                    rig.Repository.AddKey(password, CancellationToken.None);
                    storage.Script(default);
                    // The second step is another session's, under the new password.
                    using ImageRepository other = ImageRepository.Open(storage, password, CancellationToken.None);
                    other.LockTiming = rig.Repository.LockTiming;
                    other.RemoveKey(old, CancellationToken.None);
                }
                catch (ImageBackupException)
                {
                    isKilled = true;
                }
                int made = calls;
                storage.Reset();
                using ImageRepository opened = memory.Exists(StoredKind.Key, old) ? OpenOn(memory, "pw") : OpenOn(memory, "new");
                opened.RemoveLocks(all: true, CancellationToken.None);
                Assert.All(opened.Keys(), key => Assert.Null(key.Problem));
                TestRepository.AssertHealthy(opened);
                kills += isKilled ? 1 : 0;
                if (made <= killed)
                    break;
            }
        }
        Assert.True(kills > 20, $"{kills} kills");
    }

    private RepositoryKeyInfo Add(string text)
    {
        using RepositoryPassword password = TestRepository.NewPassword(text);
        return _rig.Repository.AddKey(password, CancellationToken.None);
    }

    private ImageRepository Open(string text)
    {
        ImageRepository opened = OpenOn(_rig.Memory, text);
        opened.LockTiming = _rig.Repository.LockTiming;
        return opened;
    }

    private static ImageRepository OpenOn(MemoryStorage memory, string text)
    {
        using RepositoryPassword password = TestRepository.NewPassword(text);
        return ImageRepository.Open(memory, password, CancellationToken.None);
    }
}
