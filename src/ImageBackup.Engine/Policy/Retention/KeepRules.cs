using System;
using System.Collections.Generic;
using System.Linq;

namespace ImageBackup.Engine.Policy.Retention;

/// <summary>
/// restic's rules of what to keep (forget --keep-last, --keep-daily ...), for the images of one volume and class. They only keep:
/// an image that none of them names goes when the limits let it go.
/// </summary>
internal static class KeepRules
{
    /// <summary>Which rules keep each image; an image that none keeps has no entry.</summary>
    /// <param name="values">The class's.</param>
    /// <param name="images">Newest first.</param>
    /// <param name="now">The clock: an image of a later time does not count as the newest.</param>
    public static IReadOnlyDictionary<string, List<RetentionReason>> Apply(RetentionValues values, IReadOnlyList<RetentionImage> images, DateTimeOffset now)
    {
        var kept = new Dictionary<string, List<RetentionReason>>(StringComparer.Ordinal);
        List<Bucket> buckets =
        [
            .. Bucket.Of(values.KeepLast, RetentionReason.KeepLast, null),
            .. Bucket.Of(values.KeepDaily, RetentionReason.KeepDaily, time => (time.Year * 10000) + (time.Month * 100) + time.Day),
            .. Bucket.Of(values.KeepWeekly, RetentionReason.KeepWeekly, WeekOf),
            .. Bucket.Of(values.KeepMonthly, RetentionReason.KeepMonthly, time => (time.Year * 100) + time.Month),
            .. Bucket.Of(values.KeepYearly, RetentionReason.KeepYearly, time => time.Year),
        ];
        // What an image recorded and cannot be read as a length of time keeps all, as an unreadable limit does.
        DateTimeOffset? from = values.KeepWithin is null ? null
            : KeepPeriod.TryParse(values.KeepWithin, out KeepPeriod within) ? within.Before(images.Select(image => image.Time).FirstOrDefault(time => time <= now))
            : DateTimeOffset.MinValue;
        for (int i = 0; i < images.Count; i++)
        {
            RetentionImage image = images[i];
            var reasons = new List<RetentionReason>();
            if (HasKeptTags(values, image))
                reasons.Add(RetentionReason.KeepTags);
            if (image.Time > from)
                reasons.Add(RetentionReason.KeepWithin);
            reasons.AddRange(buckets.Where(bucket => bucket.Takes(image.Time, isOldest: i == images.Count - 1)).Select(bucket => bucket.Reason));
            if (reasons.Count > 0)
                kept.Add(image.Id, reasons);
        }
        return kept;
    }

    /// <summary>It has all tags of one of the class's lists.</summary>
    public static bool HasKeptTags(RetentionValues values, RetentionImage image) =>
        values.KeepTags.Any(list => list.Split(',').All(tag => image.Tags.Contains(tag)));

    /// <summary>The year and number of the ISO 8601 week: that of its Thursday.</summary>
    private static int WeekOf(DateTimeOffset time)
    {
        DateTime thursday = time.Date.AddDays(3 - (((int)time.DayOfWeek + 6) % 7));
        return (thursday.Year * 100) + ((thursday.DayOfYear - 1) / 7) + 1;
    }

    /// <summary>One rule that counts: the newest image of each period, as many periods as it says.</summary>
    private sealed class Bucket(RetentionReason reason, int? count, Func<DateTimeOffset, int>? periodOf)
    {
        private int? _left = count;
        private int? _last;

        public RetentionReason Reason => reason;

        public static IEnumerable<Bucket> Of(RetentionLimit? limit, RetentionReason reason, Func<DateTimeOffset, int>? periodOf) =>
            limit is { } given && given.Value is not 0 ? [new Bucket(reason, given.Value, periodOf)] : [];

        public bool Takes(DateTimeOffset time, bool isOldest)
        {
            if (_left == 0)
                return false;
            // By the clock of the computer that took the image, as its record has it.
            int? period = periodOf?.Invoke(time);
            // The oldest image is kept by every rule that still has periods to fill: history must begin somewhere.
            if (period is not null && period == _last && !isOldest)
                return false;
            _last = period;
            _left--;
            return true;
        }
    }
}
