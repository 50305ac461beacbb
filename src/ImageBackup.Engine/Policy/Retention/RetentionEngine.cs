using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Policy.Classes;

namespace ImageBackup.Engine.Policy.Retention;

/// <summary>
/// Tells which images have expired. Pure: the same input gives the same results, and nothing is deleted here.
/// </summary>
/// <remarks>
/// <para>Images of one volume and computer are versions, the newest first (of equal times the higher id is the newer).
/// The newest is active; every other became inactive when the one after it was taken. While the volume exists, an image
/// expires when its class's VersionsExist newer images (the active one counted) exist, or RetainExtraDays after it
/// became inactive, whichever comes first; the active one never. When the volume is stated to be gone, all are
/// inactive: the last one expires RetainOnlyDays after that, the others still RetainExtraDays after they became
/// inactive, and all but the newest VersionsDeleted at once.</para>
/// <para>Each image is evaluated by its own class: as it is now if it exists, else as the image recorded it. An image
/// of which neither is known never expires.</para>
/// <para><b>Keep rules</b> (<see cref="KeepRules"/>, restic's) keep what the limits would let go, while the volume exists. They count
/// the images of one volume and class. Once the volume is gone only tags keep. A pinned image never expires.</para>
/// <para><b>The floor.</b> An image younger than keepWithin does not expire, whatever else there is: an intruder who
/// may only add cannot push it out by adding images of forged times. Images of times later than a day ahead of the
/// clock, or before 2000, are left out of the count altogether, so that one of them does not make a good image inactive.</para>
/// </remarks>
internal sealed class RetentionEngine
{
    // Clocks of machines differ; further ahead than this is not a difference between clocks.
    private static readonly TimeSpan s_futureTolerance = TimeSpan.FromDays(1);

    // No image was taken before; the clock of a computer that has no battery says so.
    private static readonly DateTimeOffset s_earliest = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Func<RetentionImage, ManagementClass?> _currentClass;
    private readonly DateTimeOffset _now;
    private readonly TimeSpan _keepWithin;

    /// <param name="classes">The classes as they are now.</param>
    /// <param name="now">The clock.</param>
    /// <param name="keepWithin">The floor: no image younger than this expires. Zero = none.</param>
    public RetentionEngine(ManagementClassCatalog classes, DateTimeOffset now, TimeSpan keepWithin)
        : this(classes is null ? throw new ArgumentNullException(nameof(classes)) : image => classes.Find(image.ManagementClass), now, keepWithin)
    {
    }

    /// <param name="currentClass">An image's class as it is now; null: it no longer exists, or is not known here.</param>
    /// <param name="now">The clock.</param>
    /// <param name="keepWithin">The floor: no image younger than this expires. Zero = none.</param>
    public RetentionEngine(Func<RetentionImage, ManagementClass?> currentClass, DateTimeOffset now, TimeSpan keepWithin)
    {
        _currentClass = currentClass ?? throw new ArgumentNullException(nameof(currentClass));
        if (keepWithin < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(keepWithin), keepWithin, "The floor cannot be negative.");
        _now = now;
        _keepWithin = keepWithin;
    }

    /// <summary>One result an image, in the order of the images given.</summary>
    public IReadOnlyList<RetentionResult> Evaluate(IReadOnlyList<RetentionImage> images, IEnumerable<VolumeRemoval> removals)
    {
        if (images is null)
            throw new ArgumentNullException(nameof(images));
        if (removals is null)
            throw new ArgumentNullException(nameof(removals));
        var removedAt = new Dictionary<(string Computer, string Volume), DateTimeOffset>();
        foreach (var removal in removals)
        {
            // One that has not come to pass says nothing yet; of several the latest counts.
            var key = KeyOf(removal.ComputerName, removal.Volume);
            if (removal.RemovedAt <= _now && (!removedAt.TryGetValue(key, out var known) || removal.RemovedAt > known))
                removedAt[key] = removal.RemovedAt;
        }

        var verdicts = new RetentionResult[images.Count];
        var groups = new Dictionary<(string, string), List<int>>();
        for (var i = 0; i < images.Count; i++)
        {
            var image = images[i];
            // A clock that was never set, or far ahead.
            if (image.Time < s_earliest || image.Time - _now > s_futureTolerance)
            {
                verdicts[i] = new RetentionResult
                {
                    Image = image,
                    IsActive = false,
                    IsExpired = false,
                    Reason = image.Time < s_earliest ? RetentionReason.PastTime : RetentionReason.FutureTime,
                    KeptBy = [image.Time < s_earliest ? RetentionReason.PastTime : RetentionReason.FutureTime],
                };
                continue;
            }

            var key = KeyOf(image.ComputerName, image.Volume);
            if (!groups.TryGetValue(key, out var group))
                groups.Add(key, group = new List<int>());
            group.Add(i);
        }

        foreach (var group in groups)
        {
            // Newest first.
            group.Value.Sort((one, other) =>
            {
                var byTime = images[other].Time.CompareTo(images[one].Time);
                return byTime != 0 ? byTime : string.CompareOrdinal(images[other].Id, images[one].Id);
            });
            DateTimeOffset? gone = removedAt.TryGetValue(group.Key, out var at) && at >= images[group.Value[0]].Time ? at : null;
            for (var rank = 0; rank < group.Value.Count; rank++)
                verdicts[group.Value[rank]] = Evaluate(images, group.Value, rank, gone);
            if (gone is not null)
                verdicts[group.Value[0]] = AfterOthers(verdicts[group.Value[0]], verdicts, group.Value);
            Keep(verdicts, group.Value, gone is not null);
        }

        return verdicts;
    }

    /// <summary>What the keep rules and pins keep although the limits let it go.</summary>
    private void Keep(RetentionResult[] verdicts, List<int> group, bool isGone)
    {
        foreach (var ofClass in group.GroupBy(i => ValuesOf(verdicts[i].Image).Values))
        {
            IReadOnlyDictionary<string, List<RetentionReason>>? kept = ofClass.Key is { } values && !isGone
                ? KeepRules.Apply(values, ofClass.Select(i => verdicts[i].Image).ToList(), _now)
                : null;
            foreach (int i in ofClass)
            {
                RetentionResult verdict = verdicts[i];
                var reasons = new List<RetentionReason>();
                if (verdict.Image.IsPinned)
                    reasons.Add(RetentionReason.Pinned);
                if (kept is not null && kept.TryGetValue(verdict.Image.Id, out List<RetentionReason>? rules))
                    reasons.AddRange(rules);
                else if (isGone && ofClass.Key is { } last && KeepRules.HasKeptTags(last, verdict.Image))
                    reasons.Add(RetentionReason.KeepTags);
                if (reasons.Count > 0 && !verdict.IsActive)
                {
                    verdicts[i] = verdict with
                    {
                        ExpiresAt = null,
                        IsExpired = false,
                        Reason = reasons[0],
                        KeptBy = verdict.IsExpired ? reasons : [.. reasons, verdict.Reason],
                    };
                    continue;
                }
                verdicts[i] = verdict with { KeptBy = verdict.IsExpired ? [] : [verdict.Reason, .. reasons] };
            }
        }
    }

    /// <summary>
    /// RetainOnly is for the last image that remains: while an older one is kept (RetainExtra longer than RetainOnly),
    /// the newest one is kept too. So images always go the oldest first, however often or seldom expiry runs.
    /// </summary>
    private RetentionResult AfterOthers(RetentionResult newest, RetentionResult[] verdicts, List<int> group)
    {
        if (newest.Reason is not (RetentionReason.RetainOnly or RetentionReason.KeepWithin))
            return newest;
        var expires = newest.ExpiresAt;
        for (var rank = 1; rank < group.Count; rank++)
        {
            var other = verdicts[group[rank]];
            if (other.Reason != RetentionReason.NoClass && (other.ExpiresAt is null || other.ExpiresAt > expires))
                expires = other.ExpiresAt;
        }

        return expires == newest.ExpiresAt
            ? newest
            : newest with { ExpiresAt = expires, Reason = RetentionReason.RetainOnly, IsExpired = expires <= _now };
    }

    /// <param name="images">All images.</param>
    /// <param name="group">Those of the volume, newest first.</param>
    /// <param name="rank">Which of them: how many newer ones there are.</param>
    /// <param name="gone">When the volume was removed; null: it exists.</param>
    private RetentionResult Evaluate(IReadOnlyList<RetentionImage> images, List<int> group, int rank, DateTimeOffset? gone)
    {
        var image = images[group[rank]];
        var inactiveSince = rank > 0 ? images[group[rank - 1]].Time : gone;
        var (values, source) = ValuesOf(image);
        var verdict = new RetentionResult
        {
            Image = image,
            IsActive = inactiveSince is null,
            InactiveSince = inactiveSince,
            IsExpired = false,
            Reason = inactiveSince is null ? RetentionReason.Active : RetentionReason.NoClass,
            ValuesSource = source,
        };
        if (inactiveSince is not { } since || values is null)
            return verdict;

        // By days; the reason stays if the days have no limit and no count steps in.
        var isLast = rank == 0;
        var days = isLast ? values.RetainOnlyDays : values.RetainExtraDays;
        var reason = isLast ? RetentionReason.RetainOnly : RetentionReason.RetainExtra;
        DateTimeOffset? expires = days.Value is { } count ? After(since, TimeSpan.FromDays(count)) : null;

        void Earlier(DateTimeOffset at, RetentionReason why)
        {
            if (expires is { } known && known <= at)
                return;
            expires = at;
            reason = why;
        }

        // By count: the moment at which the image that was one too many was taken.
        if (values.VersionsExist.Value is { } kept && kept > 0 && rank >= kept)
            Earlier(images[group[rank - kept]].Time, RetentionReason.VersionsExist);
        if (gone is { } goneAt && values.VersionsDeleted.Value is { } keptDeleted && rank >= keptDeleted)
            Earlier(goneAt, RetentionReason.VersionsDeleted);

        if (expires is { } date && _keepWithin > TimeSpan.Zero && After(image.Time, _keepWithin) is var floor && floor > date)
        {
            expires = floor;
            reason = RetentionReason.KeepWithin;
        }

        return verdict with { ExpiresAt = expires, Reason = reason, IsExpired = expires <= _now };
    }

    private (RetentionValues? Values, RetentionValuesSource Source) ValuesOf(RetentionImage image)
    {
        if (_currentClass(image) is { } current)
            return (current.Retention, RetentionValuesSource.CurrentClass);
        return image.Recorded is { } recorded ? (recorded, RetentionValuesSource.Recorded) : (null, RetentionValuesSource.None);
    }

    private static (string Computer, string Volume) KeyOf(string computerName, string volume) => (computerName.ToUpperInvariant(), volume);

    // A forged time may lie at the end of the calendar.
    private static DateTimeOffset After(DateTimeOffset time, TimeSpan span)
    {
        var utc = time.ToUniversalTime();
        return DateTimeOffset.MaxValue - utc > span ? utc + span : DateTimeOffset.MaxValue;
    }
}
