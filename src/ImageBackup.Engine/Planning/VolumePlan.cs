using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Engine.Planning;

/// <summary>
/// What the policy says of one volume: the rule that it hit, the class, every option decided, the type of image.
/// Shown beforehand, carried by the backup and recorded with the image.
/// </summary>
internal sealed record VolumePlan
{
    public required RuleDecision Decision { get; init; }

    /// <summary>Decided by command line, rule, class, client-wide statements, built-in values, in this order.</summary>
    public required ResolvedOptions Options { get; init; }
    public required ManagementClass ManagementClass { get; init; }

    /// <summary>The type, who decided it and why, and how hard to try to quiesce the volume (<see cref="ImageTypeDecision.Quiesce"/>).</summary>
    public required ImageTypeDecision Type { get; init; }

    public bool IsIncluded => Decision.IsIncluded;

    /// <summary>Null if no rule matched.</summary>
    public MatchedRule? Rule => Decision.Hit;
    public IReadOnlyList<DecidedOption> Decided => Options.ToList();

    /// <param name="policy">The rules and classes.</param>
    /// <param name="volume">The volume, probed.</param>
    /// <param name="command">What the command's parameters say; null: nothing.</param>
    /// <param name="commandClass">The class that the command names; null: none.</param>
    /// <param name="whyNoSnapshot">
    /// Why, with these options (the provider's name, NONE ...), no provider can take a snapshot of the volume; null: one can.
    /// </param>
    /// <exception cref="ImageBackupException">ManagementClassNotFound.</exception>
    public static VolumePlan Make(ImagePolicy policy, ImageVolume volume, ImageOptions? command, string? commandClass,
        Func<ResolvedOptions, string?> whyNoSnapshot)
    {
        if (policy is null)
            throw new ArgumentNullException(nameof(policy));
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        return Make(policy, NamesOf(volume, policy.Machine.ParseOptions.IsWindows), command, commandClass, whyNoSnapshot);
    }

    /// <summary>As for a volume of this machine, by names alone: for one that is not there.</summary>
    /// <inheritdoc cref="Make(ImagePolicy, ImageVolume, ImageOptions?, string?, Func{ResolvedOptions, string?})"/>
    public static VolumePlan Make(ImagePolicy policy, VolumeNames names, ImageOptions? command, string? commandClass,
        Func<ResolvedOptions, string?> whyNoSnapshot)
    {
        if (policy is null)
            throw new ArgumentNullException(nameof(policy));
        if (whyNoSnapshot is null)
            throw new ArgumentNullException(nameof(whyNoSnapshot));
        RuleDecision decision = policy.Evaluate(names);
        ResolvedOptions options = policy.Resolve(decision, command, commandClass);
        string? whyNot = whyNoSnapshot(options);
        ImageTypeDecision type = ImageTypeDecision.Decide(options, whyNot is null, whyNot);
        return new VolumePlan
        {
            Decision = decision,
            Options = options,
            ManagementClass = policy.Classes.Get(options.ManagementClass.Value),
            Type = type,
        };
    }

    /// <summary>Everything that the volume is called, in the form that patterns match.</summary>
    public static VolumeNames NamesOf(ImageVolume volume, bool isWindows)
    {
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        IEnumerable<string?> paths = new[] { volume.Name, volume.Description.DevicePath }.Concat(volume.MountPoints).Concat(volume.Description.Aliases);
        return VolumeNames.Of(paths, volume.Label, volume.Uuid, volume.Description.PartitionUuid, isWindows);
    }

    /// <summary>What the rules make of the volume, as <c>Test-IncludeImage</c> shows it.</summary>
    /// <param name="volume">Its name.</param>
    /// <param name="isFound">This machine has it.</param>
    /// <param name="names">Everything that it is called.</param>
    public RuleTest ToRuleTest(string volume, bool isFound, VolumeNames names)
    {
        if (names is null)
            throw new ArgumentNullException(nameof(names));
        var test = new RuleTest
        {
            Volume = volume,
            IsFound = isFound,
            IsIncluded = IsIncluded,
            Rule = Rule?.Text,
            Pattern = Rule?.Pattern,
            MatchedName = Rule?.MatchedName,
            Enforced = Rule?.IsEnforced ?? false,
            Path = Rule?.Path,
            Line = Rule?.Line,
            Names = names.Names,
        };
        return !IsIncluded
            ? test
            : test with
            {
                ManagementClass = ManagementClass.Name,
                ImageType = Type.Type,
                Reason = Type.Reason,
                Options = Decided,
            };
    }

    /// <summary>The volume with what the plan says of it.</summary>
    public ImageVolume ApplyTo(ImageVolume volume)
    {
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        return volume with
        {
            IsExcluded = !IsIncluded,
            MatchedRule = Rule,
            ManagementClass = IsIncluded ? ManagementClass.Name : null,
            ImageType = IsIncluded ? Type.Type : null,
            ImageTypeReason = IsIncluded ? Type.Reason : null,
        };
    }

    /// <summary>Its members, as they may be shown.</summary>
    public override string ToString() => DisplayText.Record(nameof(VolumePlan), PrintMembers);
}
