using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Retention;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class RetentionTests(ITestOutputHelper output)
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static DateTimeOffset Day(double days) => s_start.AddDays(days);

    // Images on the days given, of one volume, under the class's four values (-1 = NoLimit); now; the day on which the
    // volume is stated to be gone (-1: it is not): for every image what expires it and on which day.
    [Theory]
    [InlineData("only", "0", "2 1 30 60", 400, -1, "Active")]
    [InlineData("second makes the first inactive", "0 10", "2 1 30 60", 20, -1, "RetainExtra@40 Active")]
    [InlineData("third exceeds two versions", "0 10 20", "2 1 30 60", 20, -1, "VersionsExist@20! RetainExtra@50 Active")]
    [InlineData("days end before the versions do", "0 10 100", "3 1 30 60", 100, -1, "RetainExtra@40! RetainExtra@130 Active")]
    [InlineData("on the day itself", "0 10", "2 1 30 60", 40, -1, "RetainExtra@40! Active")]
    [InlineData("a day before", "0 10", "2 1 30 60", 39, -1, "RetainExtra@40 Active")]
    [InlineData("one version only", "0 10", "1 1 30 60", 10, -1, "VersionsExist@10! Active")]
    [InlineData("no limit of versions", "0 1 2 3", "-1 1 30 60", 4, -1, "RetainExtra@31 RetainExtra@32 RetainExtra@33 Active")]
    [InlineData("no limit of days", "0 1 2", "2 1 -1 60", 9999, -1, "VersionsExist@2! RetainExtra@never Active")]
    [InlineData("no limits", "0 1 2", "-1 -1 -1 -1", 9999, -1, "RetainExtra@never RetainExtra@never Active")]
    [InlineData("extra kept no day", "0 1", "5 1 0 60", 1, -1, "RetainExtra@1! Active")]
    [InlineData("gone: the last by retain-only, versions by one", "0 10", "2 1 30 60", 15, 12, "VersionsDeleted@12! RetainOnly@72")]
    [InlineData("gone: two kept, the older by its own days", "0 10", "2 2 30 60", 15, 12, "RetainExtra@40 RetainOnly@72")]
    [InlineData("gone: all have ended", "0 10", "2 2 30 60", 72, 12, "RetainExtra@40! RetainOnly@72!")]
    [InlineData("gone: the last for ever", "0 10", "2 1 30 -1", 9999, 12, "VersionsDeleted@12! RetainOnly@never")]
    [InlineData("gone: no version kept", "0 10", "2 0 30 60", 12, 12, "VersionsDeleted@12! VersionsDeleted@12!")]
    [InlineData("gone: versions without limit", "0 5 10", "3 -1 30 60", 12, 12, "RetainExtra@35 RetainExtra@40 RetainOnly@72")]
    [InlineData("gone: pushed out before", "0 5 10", "2 -1 30 60", 12, 12, "VersionsExist@10! RetainExtra@40 RetainOnly@72")]
    [InlineData("gone: the last is not the last while an older one is kept", "0 10", "2 2 90 20", 40, 12, "RetainExtra@100 RetainOnly@100")]
    [InlineData("gone: an older one is kept for ever", "0 10", "2 2 -1 20", 40, 12, "RetainExtra@never RetainOnly@never")]
    [InlineData("gone, then back", "0 10 20", "3 1 30 60", 20, 12, "RetainExtra@40 RetainExtra@50 Active")]
    [InlineData("gone, but not yet", "0 10", "2 1 30 60", 11, 12, "RetainExtra@40 Active")]
    public void Expires_as_the_original(string what, string imageDays, string values, int now, int gone, string expected)
    {
        var images = imageDays.Split(' ').Select((day, index) => Image($"{index}", Day(int.Parse(day)), "GOLD")).ToList();
        var removals = gone < 0 ? [] : new[] { new VolumeRemoval("/a", "HOST", Day(gone)) };
        var verdicts = new RetentionEngine(Catalog(("GOLD", Values(values))), Day(now), TimeSpan.Zero).Evaluate(images, removals);
        var actual = string.Join(" ", verdicts.Select(verdict => verdict.Reason == RetentionReason.Active
            ? "Active"
            : $"{verdict.Reason}@{(verdict.ExpiresAt is { } at ? $"{(at - s_start).TotalDays}" : "never")}{(verdict.IsExpired ? "!" : "")}"));
        Assert.True(expected == actual, $"{what}: {actual}");
        Assert.All(verdicts, verdict => Assert.Equal(verdict.IsActive, verdict.Reason == RetentionReason.Active));
        Assert.All(verdicts, verdict => Assert.Equal(verdict.IsActive, verdict.InactiveSince is null));
    }

    // Images at these days with these tags; a class of one version and no days, so that only rules keep.
    [Theory]
    [InlineData("last", "0 1 2 3", "last=2", -1, "- - KeepLast Active,KeepLast")]
    [InlineData("two of a day", "0 0.2 1.1 1.4", "daily=5", -1, "KeepDaily KeepDaily - Active,KeepDaily")]
    [InlineData("weeks begin on Monday", "2 3 4 5", "weekly=9", -1, "KeepWeekly KeepWeekly - Active,KeepWeekly")]
    [InlineData("rules join", "0 40 41 42", "monthly=2 last=2", -1, "KeepMonthly - KeepLast Active,KeepLast,KeepMonthly")]
    [InlineData("no limit", "0 400 800", "yearly=-1", -1, "KeepYearly KeepYearly Active,KeepYearly")]
    [InlineData("within, of the newest", "0 10 19 20", "within=9d12h", -1, "- - KeepWithin Active,KeepWithin")]
    [InlineData("a recorded length that cannot be read keeps", "0 10", "within=soon", -1, "KeepWithin Active,KeepWithin")]
    [InlineData("tags", "0:a 1:b 2:a,b 3", "tags=b", -1, "- KeepTags KeepTags Active")]
    [InlineData("all tags of a list", "0:a 1:b 2:a,b 3", "tags=a,b", -1, "- - KeepTags Active")]
    [InlineData("a pin", "0:pinned 1 2", "last=1", -1, "Pinned - Active,KeepLast")]
    [InlineData("gone: rules that count end", "0 1 2", "daily=9", 3, "- - RetainOnly")]
    [InlineData("gone: pins and tags do not", "0:pinned 1:b 2", "tags=b", 3, "Pinned KeepTags RetainOnly")]
    public void Rules_keep_what_limits_let_go(string what, string images, string rules, int gone, string expected)
    {
        var history = images.Split(' ').Select((text, index) => text.Split(':')).Select((parts, index) =>
        {
            string[] tags = parts.Length > 1 ? parts[1].Split(',') : [];
            return Image($"{index}", Day(double.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture)), "GFS") with { Tags = tags, IsPinned = tags.Contains("pinned") };
        }).ToList();
        var values = new RetentionValues { VersionsExist = 1, RetainExtraDays = 0 };
        foreach (string[] rule in rules.Split(' ').Select(rule => rule.Split('=')))
        {
            RetentionLimit? limit = int.TryParse(rule[1], out int count) ? count < 0 ? RetentionLimit.NoLimit : count : null;
            values = rule[0] switch
            {
                "last" => values with { KeepLast = limit },
                "daily" => values with { KeepDaily = limit },
                "weekly" => values with { KeepWeekly = limit },
                "monthly" => values with { KeepMonthly = limit },
                "yearly" => values with { KeepYearly = limit },
                "within" => values with { KeepWithin = rule[1] },
                _ => values with { KeepTags = [rule[1]] },
            };
        }
        var removals = gone < 0 ? [] : new[] { new VolumeRemoval("/a", "HOST", Day(gone)) };
        var verdicts = new RetentionEngine(_ => new ManagementClass { Name = "GFS", Retention = values }, Day(1000), TimeSpan.Zero).Evaluate(history, removals);
        // Of a volume that is gone the last one's days are over, too, on day 1000.
        string actual = string.Join(" ", verdicts.Select(verdict => verdict.KeptBy.Count == 0 ? verdict.Reason == RetentionReason.RetainOnly ? "RetainOnly" : "-" : string.Join(",", verdict.KeptBy)));
        Assert.True(expected == actual, $"{what}: {actual}");
        Assert.All(verdicts, verdict => Assert.Equal(verdict.IsExpired, verdict.KeptBy.Count == 0));
        Assert.All(verdicts.Where(verdict => verdict.KeptBy.Any(reason => reason is RetentionReason.Pinned or RetentionReason.KeepTags)), verdict => Assert.Null(verdict.ExpiresAt));
    }

    [Fact]
    public void A_rule_keeps_beside_a_limit_and_names_both()
    {
        var values = new RetentionValues { VersionsExist = 5, RetainExtraDays = 30, KeepDaily = 9 };
        var verdict = new RetentionEngine(Catalog(("GFS", values)), Day(10), TimeSpan.Zero).Evaluate([Image("0", Day(0), "GFS"), Image("1", Day(5), "GFS")], [])[0];
        Assert.Equal((null, false, RetentionReason.KeepDaily), (verdict.ExpiresAt, verdict.IsExpired, verdict.Reason));
        Assert.Equal([RetentionReason.KeepDaily, RetentionReason.RetainExtra], verdict.KeptBy);
    }

    [Fact]
    public void Inactive_since_the_next_image_or_the_removal()
    {
        var engine = new RetentionEngine(Catalog(), Day(50), TimeSpan.Zero);
        var verdicts = engine.Evaluate([Image("b", Day(10)), Image("a", Day(0))], [new VolumeRemoval("/a", "host", Day(12))]);
        Assert.Equal([Day(12), Day(10)], verdicts.Select(verdict => verdict.InactiveSince!.Value));
        Assert.Equal(["b", "a"], verdicts.Select(verdict => verdict.Image.Id));
    }

    [Fact]
    public void Volumes_and_computers_do_not_count_for_each_other()
    {
        var images = new[]
        {
            Image("1", Day(0)), Image("2", Day(1)) with { Volume = "/b" }, Image("3", Day(2)) with { ComputerName = "other" },
            Image("4", Day(3)) with { Volume = "/A" },
        };
        Assert.All(new RetentionEngine(Catalog(), Day(500), TimeSpan.Zero).Evaluate(images, []), verdict => Assert.True(verdict.IsActive));
        var same = new RetentionEngine(Catalog(), Day(500), TimeSpan.Zero).Evaluate([images[0], Image("5", Day(1)) with { ComputerName = "HOST" }], []);
        Assert.Equal([false, true], same.Select(verdict => verdict.IsActive));
    }

    [Fact]
    public void The_current_class_wins_over_the_recorded_one_where_it_exists()
    {
        var recorded = Values("9 1 90 60");
        RetentionResult First(string? name, RetentionValues? values) =>
            new RetentionEngine(Catalog(("GOLD", Values("9 1 10 60"))), Day(50), TimeSpan.Zero)
                .Evaluate([Image("1", Day(0), name) with { Recorded = values }, Image("2", Day(1), "GOLD")], [])[0];
        var current = First("gold", recorded);
        Assert.Equal((Day(11), true, RetentionValuesSource.CurrentClass), (current.ExpiresAt!.Value, current.IsExpired, current.ValuesSource));
        var gone = First("GONE", recorded);
        Assert.Equal((Day(91), false, RetentionValuesSource.Recorded), (gone.ExpiresAt!.Value, gone.IsExpired, gone.ValuesSource));
        foreach (var unknown in new[] { First("GONE", null), First(null, null) })
            Assert.Equal((null, false, RetentionReason.NoClass), (unknown.ExpiresAt, unknown.IsExpired, unknown.Reason));
    }

    [Fact]
    public void The_floor_holds_what_is_young()
    {
        var verdicts = new RetentionEngine(Catalog(("GOLD", Values("1 1 0 0"))), Day(10), TimeSpan.FromDays(7))
            .Evaluate([Image("1", Day(2), "GOLD"), Image("2", Day(3.5), "GOLD"), Image("3", Day(4), "GOLD")], []);
        Assert.Equal([(RetentionReason.KeepWithin, Day(9), true), (RetentionReason.KeepWithin, Day(10.5), false), (RetentionReason.Active, null, false)],
            verdicts.Select(verdict => (verdict.Reason, verdict.ExpiresAt, verdict.IsExpired)));
    }

    [Fact]
    public void Forged_images_cannot_push_out_what_the_floor_holds()
    {
        var now = Day(200);
        var good = Gen.Double[0, 200].Array[1, 10].Select(days => days.Select((day, index) => Image($"good{index}", Day(day), "GOLD")).ToArray());
        var forgedTime = Gen.OneOf(
            Gen.Double[-100, 400].Select(Day),
            Gen.OneOf(DateTimeOffset.MinValue, DateTimeOffset.MaxValue, now, now.AddDays(1), now.AddDays(1).AddTicks(1)));
        var forged = forgedTime.Array[0, 30].Select(times => times.Select((time, index) => Image($"forged{index}", time, index % 3 == 0 ? null : "GOLD")).ToArray());
        var values = Gen.Select(Gen.Int[1, 4], Gen.Int[0, 3], Gen.Int[0, 50], Gen.Int[0, 50]).Select((a, b, c, d) => Values($"{a} {b} {c} {d}"));
        Gen.Select(good, forged, values, Gen.Double[0, 250], Gen.Bool).Sample((mine, theirs, limits, keepDays, removed) =>
        {
            var engine = new RetentionEngine(Catalog(("GOLD", limits)), now, TimeSpan.FromDays(keepDays));
            var removals = removed ? new[] { new VolumeRemoval("/a", "host", now) } : [];
            var verdicts = engine.Evaluate([.. mine, .. theirs], removals);
            Assert.All(verdicts.Take(mine.Length), verdict => Assert.True(!verdict.IsExpired || now - verdict.Image.Time >= TimeSpan.FromDays(keepDays)));

            // Those of the far future change nothing for anybody.
            var future = theirs.Where(image => image.Time > now.AddDays(1)).ToArray();
            Assert.Equal(engine.Evaluate(mine, removals), engine.Evaluate([.. mine, .. future], removals).Take(mine.Length));
            Assert.All(verdicts.Where(verdict => verdict.Image.Time > now.AddDays(1)),
                verdict => Assert.Equal((RetentionReason.FutureTime, false, false), (verdict.Reason, verdict.IsExpired, verdict.IsActive)));
        }, iter: 5_000);
    }

    [Fact]
    public void A_year_of_images_survives_as_in_the_naive_model()
    {
        Gen.Int[0, int.MaxValue].Sample(seed => SimulateYear(new Random(seed), classesChange: true), iter: 20);
        Gen.Int[0, int.MaxValue].Sample(seed => SimulateYear(new Random(seed), classesChange: false), iter: 20);
    }

    // Volumes under classes of their own; images on most days, some on none, some several a day; volumes go and come
    // back; expiry runs every day and deletes what has expired. The model only knows states and what to do in them.
    private static void SimulateYear(Random random, bool classesChange)
    {
        var limits = Enumerable.Range(0, 5).Select(_ => RandomValues(random)).ToArray();
        var volumes = Enumerable.Range(0, 8).Select(index => new NaiveVolume($"/v{index}", index % limits.Length)).ToArray();
        var removals = new List<VolumeRemoval>();
        var everything = new List<RetentionImage>();
        var idNumber = 0;
        for (var day = 0; day < 365; day++)
        {
            if (classesChange && random.Next(60) == 0)
                limits[random.Next(limits.Length)] = RandomValues(random);
            foreach (var volume in volumes)
            {
                if (volume.GoneAt is not null && random.Next(40) != 0)
                    continue;
                foreach (var hour in Enumerable.Range(0, random.Next(8) switch { 0 => 0, 1 => 3, _ => 1 }).Select(_ => random.NextDouble() * 20).Order().ToList())
                {
                    var image = Image($"{idNumber++:d6}", Day(day).AddHours(hour), $"C{volume.Class}") with { Volume = volume.Name };
                    everything.Add(image);
                    volume.Take(image);
                }

                if (volume.Images.Count > 0 && random.Next(120) == 0)
                {
                    volume.Remove(Day(day).AddHours(21));
                    removals.Add(new VolumeRemoval(volume.Name, "host", Day(day).AddHours(21)));
                }
            }

            var now = Day(day).AddHours(23);
            var catalog = Catalog(limits.Select((each, index) => ($"C{index}", each)).ToArray());
            var engine = new RetentionEngine(catalog, now, TimeSpan.Zero);
            var present = volumes.SelectMany(volume => volume.Images).Select(each => each.Image).ToList();
            var verdicts = engine.Evaluate(present, removals);
            foreach (var volume in volumes)
                volume.Expire(limits[volume.Class], now);

            var survivors = volumes.SelectMany(volume => volume.Images).Select(each => each.Image.Id).ToHashSet();
            Assert.Equal(survivors, verdicts.Where(verdict => !verdict.IsExpired).Select(verdict => verdict.Image.Id).ToHashSet());
            Assert.Equal(volumes.SelectMany(volume => volume.Images).Where(each => each.InactiveSince is null).Select(each => each.Image.Id).ToHashSet(),
                verdicts.Where(verdict => verdict.IsActive).Select(verdict => verdict.Image.Id).ToHashSet());

            // While classes stand still and no volume came back, it makes no difference whether expiry ran in between.
            if (!classesChange && volumes.All(volume => !volume.CameBack))
                Assert.Equal(survivors, engine.Evaluate(everything, removals).Where(verdict => !verdict.IsExpired).Select(verdict => verdict.Image.Id).ToHashSet());
        }
    }

    private static RetentionValues RandomValues(Random random)
    {
        RetentionLimit Limit(int minimum, int maximum) => random.Next(6) == 0 ? RetentionLimit.NoLimit : random.Next(minimum, maximum);
        return new RetentionValues
        {
            VersionsExist = Limit(1, 12),
            VersionsDeleted = Limit(0, 6),
            RetainExtraDays = Limit(0, 40),
            RetainOnlyDays = Limit(0, 60),
        };
    }

    private sealed class NaiveVolume(string name, int classNumber)
    {
        public string Name { get; } = name;
        public int Class { get; } = classNumber;
        public List<NaiveImage> Images { get; } = [];
        public DateTimeOffset? GoneAt { get; private set; }
        public bool CameBack { get; private set; }

        public void Take(RetentionImage image)
        {
            // A new image makes the one before it inactive, and brings a volume that was gone back.
            CameBack |= GoneAt is not null;
            GoneAt = null;
            if (Images.Count > 0)
                Images[^1].InactiveSince = image.Time;
            Images.Add(new NaiveImage(image));
        }

        public void Remove(DateTimeOffset at)
        {
            GoneAt = at;
            if (Images.Count > 0)
                Images[^1].InactiveSince = at;
        }

        public void Expire(RetentionValues limits, DateTimeOffset now)
        {
            foreach (var each in Images.ToList())
            {
                if (each.InactiveSince is not { } since)
                    continue;
                var newer = Images.Count - 1 - Images.IndexOf(each);
                var isNewestOfGone = newer == 0;
                var tooOld = !isNewestOfGone && limits.RetainExtraDays.Value is { } count && (now - since).TotalDays >= count;
                var tooMany = newer >= (limits.VersionsExist.Value ?? int.MaxValue)
                    || (GoneAt is not null && newer >= (limits.VersionsDeleted.Value ?? int.MaxValue));
                each.IsExpired = tooOld || tooMany;
            }

            Images.RemoveAll(each => each.IsExpired);

            // The last one that remains.
            if (GoneAt is { } gone && Images.Count == 1 && limits.RetainOnlyDays.Value is { } only && (now - gone).TotalDays >= only)
                Images.Clear();
        }
    }

    private sealed class NaiveImage(RetentionImage image)
    {
        public RetentionImage Image { get; } = image;
        public DateTimeOffset? InactiveSince { get; set; }
        public bool IsExpired { get; set; }
    }

    [Fact]
    public void The_order_of_the_input_does_not_matter()
    {
        var images = Enumerable.Range(0, 40).Select(index => Image($"{index:d2}", Day(index / 2), "GOLD")).ToArray();
        var engine = new RetentionEngine(Catalog(("GOLD", Values("5 2 10 20"))), Day(30), TimeSpan.FromDays(3));
        var expected = engine.Evaluate(images, []).ToDictionary(verdict => verdict.Image.Id);
        Gen.Shuffle(images).Sample(shuffled =>
        {
            foreach (var verdict in engine.Evaluate(shuffled, []))
                Assert.Equal(expected[verdict.Image.Id], verdict);
        }, iter: 200);
    }

    [Fact]
    public void Time_for_ten_thousand_images_is_told()
    {
        var random = new Random(4);
        foreach (var volumeCount in new[] { 1, 200 })
        {
            var images = Enumerable.Range(0, 10_000).Select(index => Image($"{index}", Day(random.NextDouble() * 3650), "GOLD") with { Volume = $"/v{index % volumeCount}" }).ToList();
            var watch = Stopwatch.StartNew();
            var expired = new RetentionEngine(Catalog(("GOLD", Values("-1 1 1000 60"))), Day(3650), TimeSpan.FromDays(30)).Evaluate(images, []).Count(verdict => verdict.IsExpired);
            output.WriteLine($"10,000 images of {volumeCount} volumes: {watch.Elapsed.TotalMilliseconds:0.0} ms, {expired} expired");
            Assert.InRange(expired, 1, 9_999);
        }
    }

    private static RetentionImage Image(string id, DateTimeOffset time, string? managementClass = "STANDARD") =>
        new() { Id = id, Volume = "/a", ComputerName = "host", Time = time, ManagementClass = managementClass };

    private static RetentionValues Values(string text)
    {
        var limits = text.Split(' ').Select(int.Parse).Select(value => value < 0 ? RetentionLimit.NoLimit : RetentionLimit.Of(value)).ToArray();
        return new RetentionValues { VersionsExist = limits[0], VersionsDeleted = limits[1], RetainExtraDays = limits[2], RetainOnlyDays = limits[3] };
    }

    private static ManagementClassCatalog Catalog(params (string Name, RetentionValues Values)[] classes) =>
        new(classes.Aggregate(ManagementClassDocument.Empty, (document, each) => document.Set(new ManagementClass { Name = each.Name, Retention = each.Values })));
}
