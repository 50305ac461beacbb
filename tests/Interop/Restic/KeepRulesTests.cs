using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Retention;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Storage;
using Xunit;

namespace ImageBackup.Tests.Interop.Restic;

/// <summary>The keep rules of classes against restic forget, over random histories.</summary>
public sealed class KeepRulesTests : IDisposable
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.UtcNow;
    private readonly ResticRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void What_restic_keeps_stays_and_nothing_else(int seed)
    {
        var random = new Random(seed);
        using ImageRepository repository = _rig.Create("repo");
        List<RetentionImage> images = History(random).Select(record => Save(repository, record)).ToList();
        for (int round = 0; round < 8; round++)
        {
            RetentionValues values = Rules(random);
            HashSet<string> byRestic = KeptByRestic(Arguments(values));
            // One version and no days: the limits let all but the newest go.
            var engine = new RetentionEngine(_ => new ManagementClass { Name = "GFS", Retention = values with { VersionsExist = 1, RetainExtraDays = 0 } }, s_now, TimeSpan.Zero);
            IReadOnlyList<RetentionResult> results = engine.Evaluate(images, []);
            string newest = results.Single(result => result.IsActive).Image.Id;
            string[] byUs = [.. results.Where(result => !result.IsExpired).Select(result => result.Image.Id)];
            // Since 0.16 restic keeps the oldest one for a rule that has periods left, as ours does.
            if (!ResticTool.IsAtLeast(0, 16))
            {
                string oldest = images[images.Count - 1].Id;
                byRestic.Remove(oldest);
                byUs = [.. byUs.Where(id => id != oldest)];
            }
            Assert.True(
                byRestic.Append(newest).ToHashSet().SetEquals(byUs),
                $"seed {seed}, {string.Join(' ', Arguments(values))}: restic {Times(images, byRestic)}; ours {Times(images, byUs)}");
            Assert.All(results, result => Assert.Equal(result.IsExpired, result.KeptBy.Count == 0));
        }
    }

    private static string Times(List<RetentionImage> images, IEnumerable<string> ids) =>
        string.Join(", ", images.Where(image => ids.Contains(image.Id)).Select(image => image.Time.ToString("yyyy-MM-dd HH:mm zzz", CultureInfo.InvariantCulture)));

    /// <summary>Images of some years: bursts, gaps, turns of years and months, clocks of several zones.</summary>
    private static List<SnapshotRecord> History(Random random)
    {
        var times = new List<DateTimeOffset>();
        DateTimeOffset time = s_now.AddMinutes(-5);
        for (int i = 0; i < 60; i++)
        {
            time -= random.Next(6) switch
            {
                0 => TimeSpan.FromMinutes(random.Next(1, 300)),
                1 => TimeSpan.FromDays(random.Next(1, 40)),
                2 => TimeSpan.FromDays(random.Next(20, 400)) / 2,
                3 => TimeSpan.FromHours(24),
                _ => TimeSpan.FromHours(random.Next(1, 30)),
            };
            times.Add(new DateTimeOffset(time.Ticks / TimeSpan.TicksPerSecond * TimeSpan.TicksPerSecond, TimeSpan.Zero).ToOffset(TimeSpan.FromHours(random.Next(4) == 0 ? random.Next(-11, 13) : 1)));
        }
        string[][] tags = [[], ["a"], ["b"], ["a", "b"]];
        return [.. times.Select(at => new SnapshotRecord
        {
            Time = at, Tree = default, Paths = ["/v"], HostName = "host", Tags = tags[random.Next(10) is < 4 and var chosen ? chosen : 0],
        })];
    }

    private static RetentionImage Save(ImageRepository repository, SnapshotRecord record) => new()
    {
        Id = repository.Files.SaveSealed(StoredKind.Snapshot, record.Write(), repository.FormatVersion, repository.Sealers),
        Volume = "/v",
        ComputerName = "host",
        Time = record.Time,
        Tags = record.Tags,
    };

    private static RetentionValues Rules(Random random)
    {
        RetentionLimit? Some(int below) => random.Next(3) == 0 ? random.Next(12) == 0 ? RetentionLimit.NoLimit : random.Next(1, below) : null;
        var values = new RetentionValues { KeepLast = Some(6), KeepDaily = Some(12), KeepWeekly = Some(10), KeepMonthly = Some(10), KeepYearly = Some(5) };
        if (random.Next(3) == 0)
            values = values with { KeepWithin = new[] { "36h", "12d", "1m", "3m10d", "1y2m3d4h", "1y" }[random.Next(6)] };
        if (random.Next(4) == 0)
            values = values with { KeepTags = random.Next(2) == 0 ? ["a"] : ["a,b", "b"] };
        // restic refuses to forget without a rule.
        return Arguments(values).Count == 0 ? values with { KeepLast = 1 } : values;
    }

    private static List<string> Arguments(RetentionValues values)
    {
        var arguments = new List<string>();
        void Add(string name, RetentionLimit? limit)
        {
            // Before restic 0.16 there is no word for "all".
            if (limit is { } given)
                arguments.AddRange([name, given.Value?.ToString(CultureInfo.InvariantCulture) ?? "100000"]);
        }
        Add("--keep-last", values.KeepLast);
        Add("--keep-daily", values.KeepDaily);
        Add("--keep-weekly", values.KeepWeekly);
        Add("--keep-monthly", values.KeepMonthly);
        Add("--keep-yearly", values.KeepYearly);
        if (values.KeepWithin is { } within)
            arguments.AddRange(["--keep-within", within]);
        foreach (string tags in values.KeepTags)
            arguments.AddRange(["--keep-tag", tags]);
        return arguments;
    }

    private HashSet<string> KeptByRestic(List<string> rules)
    {
        using JsonDocument groups = JsonDocument.Parse(ResticTool.Run(_rig["repo"], ["forget", "--dry-run", "--json", "--group-by", "host", .. rules]));
        return [.. groups.RootElement.EnumerateArray().SelectMany(group => group.GetProperty("keep") is { ValueKind: JsonValueKind.Array } keep
            ? keep.EnumerateArray().Select(snapshot => snapshot.GetProperty("id").GetString()!)
            : [])];
    }
}
