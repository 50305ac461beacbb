using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Images.Records;

/// <summary>
/// The policy in a repository's keeping: a snapshot record of ours that is not an image. Every change is a new snapshot record; the one
/// of the highest revision counts, and the others are its history. Any thread.
/// </summary>
/// <param name="repository">The repository.</param>
/// <param name="traces">The cached headers of its snapshot records; null: none.</param>
/// <param name="memory">What this machine has seen of the repository; null: nothing, and nothing is noted.</param>
internal sealed class EnforcedPolicyStore(ImageRepository repository, SnapshotHeaderCache? traces = null, RepositoryMemory? memory = null)
{
    private readonly SnapshotHeaderCache _traces = traces ?? new SnapshotHeaderCache(repository);
    private readonly RepositoryMemory _memory = memory ?? RepositoryMemory.None;

    /// <summary>How rules and faults name the list; no file has this name.</summary>
    public string RulesName => repository.Location + ":" + PolicyRecord.RulesFile;

    private string ClassesName => repository.Location + ":" + PolicyRecord.ClassesFile;

    /// <summary>
    /// The policy that counts; an empty one of revision 0 if the repository keeps none. Who can write to the repository can
    /// take the newest one away without a password, so one that this machine has seen counts until an administrator says
    /// otherwise (<see cref="Accept"/>).
    /// </summary>
    /// <param name="onWarning">Told of every snapshot record that cannot be read: it could be the one that counts.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="ImageBackupException">
    /// RuleInvalid (<see cref="RuleFileException"/>), ManagementClassInvalid, SnapshotCorrupt: it cannot be used, and what
    /// was enforced is not known. Or a storage failure.
    /// </exception>
    public EnforcedPolicy Load(Action<Exception>? onWarning, CancellationToken cancellation)
    {
        SeenPolicy? kept = LoadKept(onWarning, cancellation);
        SeenPolicy? seen = _memory.Policy;
        if (seen is not null && IsOlder(kept, seen))
            return Parse(seen) with { SnapshotId = kept?.SnapshotId, Rollback = RollbackOf(kept, seen) };
        EnforcedPolicy policy = Parse(kept);
        // Noted after it was read whole: one that cannot be used does not take the place of one that can.
        if (kept is not null && kept.SnapshotId != seen?.SnapshotId && _memory.NotePolicy(kept) is { } fault)
            return policy with { Rollback = $"This machine could not record which policy the repository '{repository.Location}' keeps ({fault}), so it would not notice if the policy is removed." };
        return policy;
    }

    /// <summary>This machine takes the policy that the repository keeps now, though it has seen a newer one.</summary>
    /// <exception cref="ImageBackupException">As <see cref="Load"/>; PolicyWriteFailed: it could not be noted.</exception>
    public EnforcedPolicy Accept(Action<Exception>? onWarning, CancellationToken cancellation)
    {
        SeenPolicy? kept = LoadKept(onWarning, cancellation);
        EnforcedPolicy policy = Parse(kept);
        if (_memory.NotePolicy(kept) is { } fault)
            throw new ImageBackupException(ErrorId.PolicyWriteFailed, $"This machine could not record that the policy of '{repository.Location}' is accepted: {fault}", repository.Location);
        return policy;
    }

    /// <summary>Of two of one revision the one of the higher id counts, so a lower id is the older state.</summary>
    private static bool IsOlder(SeenPolicy? kept, SeenPolicy seen) => kept is null || kept.Revision < seen.Revision
        || (kept.Revision == seen.Revision && string.CompareOrdinal(kept.SnapshotId, seen.SnapshotId) < 0);

    private string RollbackOf(SeenPolicy? kept, SeenPolicy seen) => string.Format(CultureInfo.InvariantCulture,
        "The repository '{0}' keeps {1}, but this machine has seen its revision {2}{3}: another user removed it, or put an older state of the repository back. "
        + "The rules and classes of revision {2} go on counting here. If the change is wanted, accept it: Connect-ImageRepository -AcceptPolicy.",
        repository.Location,
        kept is null ? "no rules and classes any more" : $"the rules and classes of revision {kept.Revision.ToString(CultureInfo.InvariantCulture)}",
        seen.Revision,
        seen.ModifiedAt is { } at ? string.Format(CultureInfo.InvariantCulture, " of {0:yyyy-MM-dd HH:mm} by {1} on {2}", at.ToLocalTime(), seen.UserName, seen.ComputerName) : "");

    private SeenPolicy? LoadKept(Action<Exception>? onWarning, CancellationToken cancellation)
    {
        if (Newest(onWarning, cancellation) is not var (id, snapshot))
            return null;
        (byte[] rules, byte[] classes) = PolicyRecord.Inline(snapshot) ?? FromTree(id, snapshot, cancellation);
        return new SeenPolicy(PolicyRecord.RevisionOf(snapshot), id, rules, classes, PolicyRecord.ModifiedAt(snapshot), snapshot.HostName, snapshot.UserName);
    }

    private EnforcedPolicy Parse(SeenPolicy? policy) => policy is null
        ? new EnforcedPolicy { Rules = RuleDocument.Empty(RulesName, ParseOptions()) }
        : new EnforcedPolicy
        {
            Rules = RuleDocument.Parse(RuleText.Decode(policy.Rules, RulesName), RulesName, ParseOptions()),
            Classes = policy.Classes.Length == 0 ? ManagementClassDocument.Empty : ManagementClassDocument.Read(policy.Classes, ClassesName, isEnforced: true),
            Revision = policy.Revision,
            ModifiedAt = policy.ModifiedAt,
            ComputerName = policy.ComputerName,
            UserName = policy.UserName,
            SnapshotId = policy.SnapshotId,
        };

    /// <summary>Stores a changed policy, under a shared lock.</summary>
    /// <param name="changed">Made from what <see cref="Load"/> gave, with other rules or classes.</param>
    /// <param name="cancellation">Before the snapshot record is written nothing has changed.</param>
    /// <exception cref="ImageBackupException">
    /// PolicyWriteFailed: somebody else changed it since it was loaded. ManagementClassNotFound: a rule or the default
    /// names a class that neither the policy nor the built-in classes have. RepositoryLocked, a storage failure.
    /// </exception>
    public EnforcedPolicy Save(EnforcedPolicy changed, CancellationToken cancellation)
    {
        if (changed is null)
            throw new ArgumentNullException(nameof(changed));
        repository.ThrowIfNotWritable();
        // Machines may have classes of their own: the enforced policy does not depend on them.
        new ManagementClassCatalog(ManagementClassDocument.Empty, changed.Classes).Check(changed.Rules);
        byte[] rules = changed.Rules.Text.Encode();
        byte[] classes = changed.Classes.Write();
        using RepositoryLock held = repository.Lock(isExclusive: false, cancellation);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, held.Lost);
        DateTimeOffset now = DateTimeOffset.Now;
        BlobId tree = SaveTree(rules, classes, now, held, stop.Token);
        if (Newest(null, stop.Token)?.Id != changed.SnapshotId)
            throw Overtaken();
        int revision = checked(changed.Revision + 1);
        SnapshotRecord snapshot = PolicyRecord.Make(revision, tree, (rules, classes), now, LocalHost.Name, Environment.UserName);
        held.ThrowIfLost();
        cancellation.ThrowIfCancellationRequested();
        string id = repository.Files.SaveSealed(StoredKind.Snapshot, snapshot.Write(), repository.FormatVersion, repository.Sealers);
        _ = _memory.NotePolicy(new SeenPolicy(revision, id, rules, classes, now, snapshot.HostName, snapshot.UserName));
        return changed with
        {
            Rollback = null,
            Revision = revision,
            ModifiedAt = now,
            ComputerName = snapshot.HostName,
            UserName = snapshot.UserName,
            SnapshotId = id,
        };
    }

    private static RuleParseOptions ParseOptions() => new() { IsEnforced = true };

    private BlobId SaveTree(byte[] rules, byte[] classes, DateTimeOffset time, RepositoryLock held, CancellationToken cancellation)
    {
        BlobIndex index = repository.LoadIndex(cancellation);
        using var session = new RepositoryWriter(repository.Files, repository.Sealers, index, repository.FormatVersion, held.Lost);
        BlobId tree;
        using (BlobWriter lane = session.OpenLane())
        {
            tree = ImageFiles.SaveTree(lane,
            [
                ImageFiles.Save(lane, PolicyRecord.ClassesFile, classes, time),
                ImageFiles.Save(lane, PolicyRecord.RulesFile, rules, time),
            ]);
            lane.Flush();
        }
        session.Finish();
        return tree;
    }

    /// <summary>The policy's snapshot record of the highest revision; of two of one revision, the one of the higher id.</summary>
    private (string Id, SnapshotRecord Snapshot)? Newest(Action<Exception>? onWarning, CancellationToken cancellation)
    {
        IEnumerable<SnapshotHeaderCache.Trace> newestFirst = _traces.Read(onWarning, cancellation).Where(trace => trace.IsPolicy)
            .OrderByDescending(trace => PolicyRecord.RevisionAt(trace.Time)).ThenByDescending(trace => trace.Id, StringComparer.Ordinal);
        foreach (SnapshotHeaderCache.Trace trace in newestFirst)
        {
            try
            {
                return (trace.Id, ImageContent.LoadSnapshot(repository, trace.Id));
            }
            catch (ImageBackupException e) when (e.Id == ErrorId.ImageNotFound)
            {
                // Removed since it was listed.
            }
            catch (ImageBackupException e)
            {
                onWarning?.Invoke(e);
            }
        }
        return null;
    }

    private (byte[] Rules, byte[] Classes) FromTree(string id, SnapshotRecord snapshot, CancellationToken cancellation)
    {
        BlobIndex index = repository.LoadIndex(cancellation);
        List<TreeNode> root = TreeWalk.Load(repository, index, snapshot.Tree);
        byte[]? File(string name) => root.File(name) is { } node
            ? ImageContent.ReadFile(repository, index, node)
            : null;
        return (
            File(PolicyRecord.RulesFile)
                ?? throw repository.Files.Corrupt(StoredKind.Snapshot, id, $"it is tagged {PolicyRecord.Tag} and has no {PolicyRecord.RulesFile}"),
            File(PolicyRecord.ClassesFile) ?? []);
    }

    private ImageBackupException Overtaken() =>
        new(ErrorId.PolicyWriteFailed, $"Another user changed the policy of '{repository.Location}' meanwhile. Run the command again.", repository.Location);
}
