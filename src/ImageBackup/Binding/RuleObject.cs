using System;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Binding;

/// <summary>
/// A whole rule out of an object: one of Get-IncludeImage, also after a journey through a job, CLIXML, JSON or CSV, or any
/// object that has a property Volume and one of Kind, ManagementClass and the options' names. A property that is absent,
/// null or blank says nothing.
/// </summary>
internal static class RuleObject
{
    private static readonly (string Property, string Keyword)[] s_options =
    [
        (nameof(RuleInfo.ImageType), "imagetype"),
        (nameof(RuleInfo.GapSize), "imagegapsize"),
        (nameof(RuleInfo.ChunkSize), "chunksize"),
        (nameof(RuleInfo.Compression), "compression"),
        (nameof(RuleInfo.SnapshotBackupType), "snapshotbackuptype"),
        (nameof(RuleInfo.SnapshotProvider), "snapshotproviderimage"),
        (nameof(RuleInfo.SnapshotCacheSize), "snapshotcachesize"),
        (nameof(RuleInfo.SnapshotCacheLocation), "snapshotcachelocation"),
        (nameof(RuleInfo.IdleWait), "snapshotfsidlewait"),
        (nameof(RuleInfo.IdleRetries), "snapshotfsidleretries"),
        (nameof(RuleInfo.PreSnapshotCommand), "presnapshotcmd"),
        (nameof(RuleInfo.PostSnapshotCommand), "postsnapshotcmd"),
        (nameof(RuleInfo.Serialization), "serialization"),
        (nameof(RuleInfo.ChangingRetries), "changingretries"),
    ];

    /// <summary>Whether the object is a rule and not only something that names a volume.</summary>
    public static bool Is(PSObject value)
    {
        foreach (string typeName in value.TypeNames)
        {
            if (typeName.EndsWith("." + nameof(RuleInfo), StringComparison.Ordinal))
                return true;
            if (typeName.EndsWith("." + nameof(ImageVolume), StringComparison.Ordinal) || typeName.EndsWith("." + nameof(ImageBackupInfo), StringComparison.Ordinal))
                return false;
        }
        // An image's or volume's row of a CSV file has these columns too, and a size.
        if (InputProperties.Text(value, nameof(RuleInfo.Volume)) is null || InputProperties.Has(value, nameof(ImageBackupInfo.SizeBytes)))
            return false;
        return InputProperties.Has(value, nameof(RuleInfo.Kind)) || InputProperties.Has(value, nameof(RuleInfo.ManagementClass))
            || Array.Exists(s_options, option => InputProperties.Has(value, option.Property));
    }

    /// <summary>The rule that the object is.</summary>
    /// <param name="value">An object of which <see cref="Is"/> is true.</param>
    /// <param name="pattern">Its pattern.</param>
    /// <param name="kind">What it is if it does not say so.</param>
    /// <exception cref="ImageBackupException">ParameterInvalid: a property's value cannot be one of the option.</exception>
    public static RuleSpecification Read(PSObject value, string pattern, RuleKind kind)
    {
        if (Present(value, nameof(RuleInfo.Kind)) is { } saidKind)
            kind = Named<RuleKind>(saidKind, nameof(RuleInfo.Kind));
        ImageOptions options = ImageOptions.Empty;
        foreach ((string property, string keyword) in s_options)
        {
            if (TextOf(value, property, keyword) is { } text)
                options = keyword == "imagegapsize" ? options with { GapSize = GapSizeText.Parse(text) } : options.With(keyword, text);
        }
        return new RuleSpecification
        {
            Kind = kind,
            Pattern = pattern,
            ManagementClass = Present(value, nameof(RuleInfo.ManagementClass)) is { } name ? new PSObject(name).ToString() : null,
            Options = options,
        };
    }

    /// <summary>The option's value as the rule syntax writes it; null if the object does not say one.</summary>
    private static string? TextOf(PSObject value, string property, string keyword)
    {
        if (Present(value, property) is { } held)
        {
            return property switch
            {
                nameof(RuleInfo.ImageType) => Named<ImageType>(held, property).ToString(),
                nameof(RuleInfo.Compression) => Named<ImageCompression>(held, property).ToString(),
                nameof(RuleInfo.SnapshotBackupType) => Named<SnapshotBackupType>(held, property).ToString(),
                nameof(RuleInfo.Serialization) => Named<SerializationMode>(held, property).ToString(),
                nameof(RuleInfo.IdleWait) => WaitText(held),
                _ => Convert.ToString(InputProperties.Bare(held), CultureInfo.InvariantCulture),
            };
        }
        // An empty command runs none, whatever others say; no command says nothing. CSV has one look for both, so the rule's own text tells.
        bool isEmptyCommand = keyword is "presnapshotcmd" or "postsnapshotcmd" && InputProperties.Bare(InputProperties.Raw(value, property)) is string
            && InputProperties.Text(value, nameof(RuleInfo.Options)) is { } all && all.IndexOf(keyword + "=\"\"", StringComparison.OrdinalIgnoreCase) >= 0;
        return isEmptyCommand ? "" : null;
    }

    private static object? Present(PSObject value, string property)
    {
        object? held = InputProperties.Raw(value, property);
        return InputProperties.Bare(held) switch
        {
            null or "" => null,
            string text when text.Trim().Length == 0 => null,
            _ => held,
        };
    }

    /// <summary>A value by its name or its number: JSON has the number.</summary>
    private static T Named<T>(object held, string property)
        where T : struct, Enum
    {
        string[] names = NamesOf(typeof(T));
        return LanguagePrimitives.TryConvertTo(held, out T named) && Array.IndexOf(names, named.ToString()) >= 0
            ? named
            : throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{held}' is not a value of {property}: {string.Join(", ", names)}.", property);
    }

    // The generic overload is not in netstandard2.0.
    private static string[] NamesOf(Type type) => Enum.GetNames(type);

    /// <summary>A TimeSpan, its text, what ConvertTo-Json makes of it, or the rule syntax's own (5s, 500ms).</summary>
    internal static string WaitText(object held)
    {
        TimeSpan? span = InputProperties.Bare(held) switch
        {
            TimeSpan time => time,
            string text when text.IndexOf(':') > 0 && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan time) => time,
            string => null,
            _ when InputProperties.Raw(PSObject.AsPSObject(held), "Ticks") is { } ticks && LanguagePrimitives.TryConvertTo(ticks, out long count) => new TimeSpan(count),
            _ => null,
        };
        if (span is not { } wait)
            return new PSObject(InputProperties.Bare(held)).ToString();
        return wait.Ticks % TimeSpan.TicksPerSecond == 0
            ? wait.TotalSeconds.ToString("0", CultureInfo.InvariantCulture) + "s"
            : wait.TotalMilliseconds.ToString("0.####", CultureInfo.InvariantCulture) + "ms";
    }
}
