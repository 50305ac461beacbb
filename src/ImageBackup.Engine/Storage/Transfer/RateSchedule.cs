using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text.RegularExpressions;
using System.Threading;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.Storage.Transfer;

/// <summary>
/// How many bytes a second may go, by the time of day of this machine: '2MB' at all times, '08:00-18:00=2MB' in these hours. The first that fits the
/// time holds; one without hours holds if none does. Any thread: all share the rate.
/// </summary>
internal sealed class RateSchedule
{
    /// <summary>Slower than this a pack takes longer than a server waits for it.</summary>
    public const long LeastBytesPerSecond = 64 << 10;

    /// <summary>So much goes at once: a wait before it is short enough for a server, and for who stops the command.</summary>
    public const int PieceBytes = 64 << 10;

    private const string Form = "Give bytes a second, such as 2MB, or hours and bytes a second, such as 08:00-18:00=2MB.";

    private static readonly Regex s_entry = new(
        @"^\s*((?<from>[0-9]{1,2}:[0-9]{2})\s*-\s*(?<to>[0-9]{1,2}:[0-9]{2})\s*=)?(?<size>[^=]*)$",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));

    private readonly List<(TimeSpan From, TimeSpan To, RateLimit Limit)> _hours = [];
    private readonly Func<DateTime> _now;
    private RateLimit? _otherwise;

    private RateSchedule(Func<DateTime> now) => _now = now;

    /// <param name="entries">At least one.</param>
    /// <param name="clock">What the waits are measured by; null: the system's.</param>
    /// <param name="now">The time of day; null: this machine's.</param>
    /// <exception cref="FormatException">An entry cannot be used; the message says which and why.</exception>
    public static RateSchedule Parse(IReadOnlyList<string> entries, IRateClock? clock = null, Func<DateTime>? now = null)
    {
        var schedule = new RateSchedule(now ?? (() => DateTime.Now));
        foreach (string entry in entries)
            schedule.Add(entry, clock);
        return schedule;
    }

    private void Add(string entry, IRateClock? clock)
    {
        Match match = s_entry.Match(entry);
        if (!match.Success || !ByteSizeText.TryParse(match.Groups["size"].Value, out decimal bytes))
            throw new FormatException($"'{entry}' is not a limit. {Form}");
        if (bytes < LeastBytesPerSecond)
            throw new FormatException($"'{entry}' is not a limit: at least {LeastBytesPerSecond >> 10}KB a second are needed.");
        var limit = new RateLimit((long)bytes, clock);
        if (!match.Groups["from"].Success)
        {
            if (_otherwise is not null)
                throw new FormatException($"'{entry}' is a second limit without hours. {Form}");
            _otherwise = limit;
            return;
        }
        if (!TryTime(match.Groups["from"].Value, out TimeSpan from) || !TryTime(match.Groups["to"].Value, out TimeSpan to) || from == to)
            throw new FormatException($"'{entry}' has hours that do not exist, or none between them. {Form}");
        _hours.Add((from, to, limit));
    }

    /// <summary>A day ends at 24:00.</summary>
    private static bool TryTime(string text, out TimeSpan time)
    {
        string[] parts = text.Split(':');
        int hours = int.Parse(parts[0], CultureInfo.InvariantCulture), minutes = int.Parse(parts[1], CultureInfo.InvariantCulture);
        time = new TimeSpan(hours, minutes, 0);
        return minutes < 60 && time <= TimeSpan.FromDays(1);
    }

    /// <summary>What holds now, in bytes a second; null: no limit.</summary>
    public long? BytesPerSecond => Current()?.BytesPerSecond;

    /// <summary>Waits until so many bytes may go, at most <see cref="PieceBytes"/>.</summary>
    /// <exception cref="OperationCanceledException">Cancelled while it waited.</exception>
    public void Take(int countBytes, CancellationToken cancellation) => Current()?.Take(countBytes, cancellation);

    private RateLimit? Current()
    {
        TimeSpan time = _now().TimeOfDay;
        foreach ((TimeSpan from, TimeSpan to, RateLimit limit) in _hours)
        {
            // 22:00-06:00 goes over midnight.
            if (from < to ? time >= from && time < to : time >= from || time < to)
                return limit;
        }
        return _otherwise;
    }
}
