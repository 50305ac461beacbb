using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Locks;

/// <summary>The locks that lie in a repository.</summary>
internal sealed class LockDirectory(RepositoryFiles files, SealerPool sealers, int formatVersion)
{
    public string Location => files.Location;

    /// <summary>Each look is a round trip.</summary>
    public bool IsRemote => files.Traits.IsRemote;

    /// <summary>Begins to list the locks of a server.</summary>
    public ListsAhead BeginList() => ListsAhead.Begin(files, StoredKind.Lock);

    /// <summary>
    /// All locks. One that cannot be read is given as an exclusive lock that is not stale: it is not known what it
    /// protects, so it blocks until somebody removes it. One that vanished meanwhile is left out.
    /// </summary>
    /// <param name="now">The clock.</param>
    /// <param name="isTolerant">A lock that the disk or the system does not let us read counts as one that cannot be read too.</param>
    public IReadOnlyList<RepositoryLockInfo> List(DateTimeOffset now, bool isTolerant = false) => List(files.List(StoredKind.Lock), now, storageNow: now, isTolerant);

    /// <param name="found">The files.</param>
    /// <param name="now">This machine's clock.</param>
    /// <param name="storageNow">The storage's, or a time that it has passed.</param>
    /// <param name="isTolerant">A lock that the disk or the system does not let us read counts as one that cannot be read too.</param>
    private List<RepositoryLockInfo> List(IEnumerable<StoredFile> found, DateTimeOffset now, DateTimeOffset storageNow, bool isTolerant = false)
    {
        var locks = new List<RepositoryLockInfo>();
        foreach (StoredFile file in found)
        {
            try
            {
                LockFile content = LockFile.Read(files.LoadSealed(StoredKind.Lock, file.Name, sealers));
                locks.Add(new RepositoryLockInfo(file.Name, content.Time.LocalDateTime, content.IsExclusive, content.HostName,
                    content.UserName, content.ProcessId, content.IsStale(now, storageNow - file.ModifiedTime)));
            }
            catch (ImageBackupException e) when (e.InnerException is StorageException { Problem: StorageProblem.NotFound })
            {
            }
            catch (ImageBackupException e) when (e.Id == ErrorId.RepositoryInvalid || isTolerant && e.Id is ErrorId.RepositoryAccessDenied or ErrorId.RepositoryReadFailed)
            {
                locks.Add(Unreadable(file));
            }
            catch (FormatException)
            {
                locks.Add(Unreadable(file));
            }
        }
        return locks;
    }

    public string Save(LockFile content) => files.SaveSealed(StoredKind.Lock, content.Write(), formatVersion, sealers);

    public bool Exists(string name) => files.Exists(StoredKind.Lock, name);

    public void Delete(string name) => files.Delete(StoredKind.Lock, name);

    /// <summary>
    /// Throws if another lock stands in the way of ours, which was saved: any for an exclusive lock, an exclusive one for a shared lock.
    /// Stale ones don't, and are removed: our own tells the storage's clock, by which their age is known.
    /// </summary>
    /// <returns>When the storage says that ours was written; null: it does not tell.</returns>
    /// <exception cref="ImageBackupException">RepositoryLocked, naming who holds it since when.</exception>
    public DateTimeOffset? ThrowIfConflicting(bool wantsExclusive, string ownName, DateTimeOffset now)
    {
        StoredFile[] found = [.. files.List(StoredKind.Lock)];
        DateTimeOffset? saved = TimeOf(found, [ownName]);
        ThrowIfConflicting(List(found.Where(file => file.Name != ownName), now, saved ?? now), wantsExclusive, stale => Delete(stale.Id));
        return saved;
    }

    private static DateTimeOffset? TimeOf(StoredFile[] found, IReadOnlyCollection<string> names) => found.Where(file => names.Contains(file.Name)).Max(file => file.ModifiedTime);

    /// <summary>Throws if a lock stands in the way of one that would be taken now. Nothing is written or removed.</summary>
    /// <exception cref="ImageBackupException">RepositoryLocked, naming who holds it since when.</exception>
    /// <param name="wantsExclusive">Whether nobody else may hold one.</param>
    /// <param name="now">The clock.</param>
    /// <param name="ahead">A list that was begun before; null: none.</param>
    public void ThrowIfHeld(bool wantsExclusive, DateTimeOffset now, ListsAhead? ahead = null) =>
        ThrowIfConflicting(List(files.List(StoredKind.Lock, ahead), now, storageNow: now), wantsExclusive, _ => { });

    private void ThrowIfConflicting(IEnumerable<RepositoryLockInfo> others, bool wantsExclusive, Action<RepositoryLockInfo> onStale)
    {
        foreach (RepositoryLockInfo other in others)
        {
            if (other.IsStale)
            {
                onStale(other);
                continue;
            }
            if (!wantsExclusive && !other.IsExclusive)
                continue;
            string kind = other.IsExclusive ? "exclusively" : "for reading or adding";
            string who = !other.IsReadable
                ? "by a process whose lock cannot be read"
                : string.Format(CultureInfo.InvariantCulture, "by process {0} of {1} on {2} since {3:yyyy-MM-dd HH:mm:ss}", other.ProcessId, other.UserName, other.ComputerName, other.Time);
            throw new ImageBackupException(ErrorId.RepositoryLocked,
                $"The repository '{Location}' is locked {kind} {who} (lock {DisplayText.ShortId(other.Id)}).", Location)
            {
                RecommendedAction = other.IsReadable
                    ? ErrorTable.Get(ErrorId.RepositoryLocked).RecommendedAction
                    : "Make sure that no command works on the repository, restic's included; then run Unlock-ImageRepository -Unreadable.",
            };
        }
    }

    /// <summary>Somebody else holds a lock that goes not with ours. Nothing is removed.</summary>
    public bool HasRival(bool isExclusive, IReadOnlyCollection<string> ownNames, DateTimeOffset now)
    {
        StoredFile[] found = [.. files.List(StoredKind.Lock)];
        return List(found.Where(file => !ownNames.Contains(file.Name)), now, TimeOf(found, ownNames) ?? now).Any(l => !l.IsStale && (isExclusive || l.IsExclusive));
    }

    private static RepositoryLockInfo Unreadable(StoredFile file) =>
        new(file.Name, DateTime.MinValue, IsExclusive: true, "", "", ProcessId: 0, IsStale: false) { IsReadable = false };
}
