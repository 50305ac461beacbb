using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Binding;

/// <summary>The machine's snapshot defaults out of an object of Get-SnapshotProvider, also after a journey through CSV, JSON or CLIXML.</summary>
internal static class SnapshotDefaultsObject
{
    /// <summary>
    /// The defaults with what the object says. An object shows the values that apply, set or built in: values that are the same as now are left
    /// as it is.
    /// </summary>
    /// <exception cref="ImageBackupException">ParameterInvalid: a property has a value that is none of it, or there is nothing to set.</exception>
    public static SnapshotDefaults Over(PSObject value, SnapshotDefaults now)
    {
        SnapshotDefaults applies = Applying(now);
        SnapshotDefaults set = now;
        bool isAny = false;
        void Take(string property, Func<object?, SnapshotDefaults> change)
        {
            if (!InputProperties.Has(value, property))
                return;
            isAny = true;
            set = change(InputProperties.Raw(value, property) is { } held && Blank(held) ? null : InputProperties.Raw(value, property));
        }

        Take(nameof(SnapshotProviderInfo.DefaultProvider), held => set with { Provider = Text(held)?.ToUpperInvariant() });
        Take(nameof(SnapshotProviderInfo.CacheSizePercent), held => Whole(held) is var size && size == applies.CacheSizePercent ? set : set with { CacheSizePercent = size });
        Take(nameof(SnapshotProviderInfo.CacheLocation), held => set with { CacheLocation = Text(held) });
        Take(nameof(SnapshotProviderInfo.IdleWait), held => Time(held) is var wait && wait == applies.IdleWait ? set : set with { IdleWait = wait });
        Take(nameof(SnapshotProviderInfo.IdleRetries), held => Whole(held) is var retries && retries == applies.IdleRetries ? set : set with { IdleRetries = retries });
        Take(nameof(SnapshotProviderInfo.SnapshotTimeout), held => Time(held) is var limit && limit == applies.SnapshotTimeout ? set : set with { SnapshotTimeout = limit });
        Take(nameof(SnapshotProviderInfo.CommandTimeout), held => Time(held) is var limit && limit == applies.CommandTimeout ? set : set with { CommandTimeout = limit });
        Take(nameof(SnapshotProviderInfo.WriterRetries), held => Whole(held) is var retries && retries == applies.WriterRetries ? set : set with { WriterRetries = retries });
        Take(nameof(SnapshotProviderInfo.CreateCommand), held => set with { CreateCommand = Text(held) });
        Take(nameof(SnapshotProviderInfo.RemoveCommand), held => set with { RemoveCommand = Text(held) });
        Take(nameof(SnapshotProviderInfo.IncludeWriter), held => set with { IncludeWriters = Texts(held) });
        Take(nameof(SnapshotProviderInfo.ExcludeWriter), held => set with { ExcludeWriters = Texts(held) });
        return isAny ? set : throw new ImageBackupException(ErrorId.ParameterInvalid, "The object has none of the properties that Get-SnapshotProvider gives.");
    }

    private static SnapshotDefaults Applying(SnapshotDefaults now)
    {
        // Any provider shows them; they are the machine's.
        var options = QuiesceOptions.SnapshotOf(now);
        return now with
        {
            CacheSizePercent = options.CacheSizePercent,
            IdleWait = now.IdleWait ?? OptionResolver.DefaultIdleWait,
            IdleRetries = now.IdleRetries ?? OptionResolver.DefaultChangingRetries,
            SnapshotTimeout = options.Timeout,
            CommandTimeout = now.CommandTimeout ?? QuiesceOptions.Default.CommandTimeout,
            WriterRetries = options.WriterRetries,
        };
    }

    private static bool Blank(object held) => InputProperties.Bare(held) is string text && text.Trim().Length == 0;

    private static string? Text(object? held) => held is null ? null : Convert.ToString(InputProperties.Bare(held), CultureInfo.InvariantCulture);

    private static int? Whole(object? held) => held is null ? null
        : LanguagePrimitives.TryConvertTo(held, CultureInfo.InvariantCulture, out int number) ? number
        : throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{held}' is not a whole number.");

    private static TimeSpan? Time(object? held) => held switch
    {
        null => null,
        _ when InputProperties.Bare(held) is TimeSpan span => span,
        _ when InputProperties.Bare(held) is string text && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan span) => span,
        // What ConvertTo-Json makes of a TimeSpan.
        _ when InputProperties.Raw(PSObject.AsPSObject(held), "Ticks") is { } ticks && LanguagePrimitives.TryConvertTo(ticks, out long count) => new TimeSpan(count),
        _ => throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{held}' is not a length of time."),
    };

    /// <summary>A list, or its elements joined by "; ", as Export-Csv writes a <see cref="JoinedList{T}"/>.</summary>
    private static IReadOnlyList<string> Texts(object? held) => held is null ? []
        : InputProperties.Bare(held) is string joined ? [.. joined.Split([';'], StringSplitOptions.RemoveEmptyEntries).Select(each => each.Trim()).Where(each => each.Length > 0)]
        : [.. LanguagePrimitives.GetEnumerable(held)?.Cast<object?>().Select(each => Text(each) ?? "").Where(each => each.Length > 0) ?? []];
}
