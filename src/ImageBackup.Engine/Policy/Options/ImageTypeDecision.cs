using System;
using System.Globalization;

namespace ImageBackup.Engine.Policy.Options;

/// <summary>How the volume is quiesced before a static image, and what happens if that fails.</summary>
/// <param name="AttemptCount">How often to try to get it quiet; 0: not at all.</param>
/// <param name="EndsDynamic">After the attempts the volume is taken as it is and the image marked fuzzy; else the backup fails.</param>
internal sealed record QuiescePolicy(int AttemptCount, bool EndsDynamic)
{
    public static QuiescePolicy Of(SerializationMode serialization, int changingRetries) => serialization switch
    {
        SerializationMode.Static => new QuiescePolicy(1, false),
        SerializationMode.ShrStatic => new QuiescePolicy(1 + changingRetries, false),

        // 1 + N attempts in all, the last one takes it as it is.
        SerializationMode.ShrDynamic => new QuiescePolicy(changingRetries, true),
        _ => new QuiescePolicy(0, true),
    };
}

/// <summary>Which type an image will have and why: shown beforehand, and recorded with the image.</summary>
/// <param name="Type">What will be taken.</param>
/// <param name="Source">Who decided; BuiltIn if no type was asked for.</param>
/// <param name="Reason">In words.</param>
/// <param name="IsFailover">A snapshot was asked for and cannot be had: a warning, or with -NoFailover an error.</param>
/// <param name="Failover">What to fall over to when a snapshot fails; null if <paramref name="Type"/> is not Snapshot.</param>
/// <param name="Quiesce">For <see cref="ImageType.Static"/>, also as the failover.</param>
internal sealed record ImageTypeDecision(
    ImageType Type,
    OptionSource Source,
    string Reason,
    bool IsFailover,
    ImageType? Failover,
    QuiescePolicy Quiesce)
{
    /// <summary>
    /// Asked for by command, rule, class or client-wide statement: that type. Else: a snapshot if a
    /// provider is usable and snapshots are not turned off, else what the class's serialization allows without one:
    /// static, or dynamic if it is Dynamic.
    /// </summary>
    /// <param name="options">The options, decided.</param>
    /// <param name="isProviderUsable">A provider can take a snapshot of this volume.</param>
    /// <param name="whyNot">Why none can; used if <paramref name="isProviderUsable"/> is false.</param>
    public static ImageTypeDecision Decide(ResolvedOptions options, bool isProviderUsable, string? whyNot = null)
    {
        if (options is null)
            throw new ArgumentNullException(nameof(options));
        var quiet = QuiescePolicy.Of(options.Serialization.Value, options.ChangingRetries.Value);
        var withoutSnapshot = options.Serialization.Value == SerializationMode.Dynamic ? ImageType.Dynamic : ImageType.Static;
        var unusable = options.AreSnapshotsOff ? "snapshots are turned off by " + By(options.SnapshotProvider.Source, options.SnapshotProvider.Where)
            : isProviderUsable ? null
            : whyNot ?? "no snapshot provider is usable";
        var asked = options.ImageType;
        switch (asked.Value)
        {
            case ImageType.Snapshot when unusable is null:
                return new(ImageType.Snapshot, asked.Source, Said(asked), false, withoutSnapshot, quiet);
            case ImageType.Snapshot:
                return new(withoutSnapshot, asked.Source,
                    string.Format(CultureInfo.InvariantCulture, "{0}, but {1}", Said(asked), unusable), true, null, quiet);
            case ImageType.Dynamic:
                return new(ImageType.Dynamic, asked.Source, Said(asked), false, null, quiet);

            // Static by name against a serialization that never tries: who stands higher in the order decides.
            case ImageType.Static when options.Serialization.Value == SerializationMode.Dynamic && options.Serialization.Source < asked.Source:
                return new(ImageType.Dynamic, options.Serialization.Source,
                    "serialization is dynamic by " + By(options.Serialization.Source, options.Serialization.Where), false, null, quiet);
            case ImageType.Static:
                return new(ImageType.Static, asked.Source, Said(asked), false, null,
                    options.Serialization.Value == SerializationMode.Dynamic
                        ? QuiescePolicy.Of(SerializationMode.ShrStatic, options.ChangingRetries.Value)
                        : quiet);
            default:
                return unusable is null
                    ? new(ImageType.Snapshot, OptionSource.BuiltIn, "a snapshot provider is usable", false, withoutSnapshot, quiet)
                    : new(withoutSnapshot, OptionSource.BuiltIn, unusable, false, null, quiet);
        }
    }

    private static string Said(ResolvedOption<ImageType?> asked) =>
        string.Format(CultureInfo.InvariantCulture, "{0} by {1}", asked.Value.ToString()!.ToLowerInvariant(), By(asked.Source, asked.Where));

    private static string By(OptionSource source, string? where) => source switch
    {
        OptionSource.CommandLine => "the command",
        OptionSource.Rule => "the rule " + where,
        OptionSource.ManagementClass => "the management class " + where,
        OptionSource.ClientWide => "the client-wide statement in " + where,
        _ => "default",
    };
}
