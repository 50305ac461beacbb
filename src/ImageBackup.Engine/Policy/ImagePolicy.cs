using System;
using System.Collections.Generic;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Engine.Policy;

/// <summary>
/// Everything that decides which volumes are backed up and how: the machine's rules, the enforced ones, the classes.
/// Made whole or not at all, before anything starts. Immutable and thread-safe.
/// </summary>
internal sealed class ImagePolicy
{
    private readonly RuleEvaluator _evaluator;
    private readonly List<RuleDocument> _clientWide = new();

    /// <exception cref="ImageBackupException">ManagementClassNotFound: a rule names a class that does not exist.</exception>
    public ImagePolicy(RuleDocument machine, RuleDocument? enforced, ManagementClassCatalog classes)
    {
        Machine = machine ?? throw new ArgumentNullException(nameof(machine));
        Enforced = enforced;
        Classes = classes ?? throw new ArgumentNullException(nameof(classes));
        if (enforced is not null)
        {
            classes.Check(enforced);
            _clientWide.Add(enforced);
        }

        classes.Check(machine);
        _clientWide.Add(machine);
        _evaluator = new RuleEvaluator(machine, enforced);
    }

    /// <summary>Reads the machine's files and joins them with what the repository keeps.</summary>
    /// <param name="rulePath">A rule list or an options file of TSM, which must be there; null: the machine's place, if none need be.</param>
    /// <param name="classPath">A file of classes, which must be there; null: the machine's place, if none need be.</param>
    /// <param name="enforcedRules">The repository's list; null: there is none.</param>
    /// <param name="enforcedClasses">The repository's classes; null: there are none.</param>
    /// <exception cref="RuleFileException">A rule list is faulty.</exception>
    /// <exception cref="ImageBackupException">PolicyReadFailed, ManagementClassInvalid, ManagementClassNotFound.</exception>
    public static ImagePolicy Load(string? rulePath, string? classPath, RuleDocument? enforcedRules = null, ManagementClassDocument? enforcedClasses = null)
    {
        var machine = RuleFile.Load(rulePath ?? PolicyPaths.Rules, mustExist: rulePath is not null);
        var classes = ManagementClassFile.Load(classPath ?? PolicyPaths.Classes, mustExist: classPath is not null);
        return new ImagePolicy(machine.Document, enforcedRules, new ManagementClassCatalog(classes.Document, enforcedClasses));
    }

    public RuleDocument Machine { get; }
    public RuleDocument? Enforced { get; }
    public ManagementClassCatalog Classes { get; }

    /// <summary>All rules in the order of evaluation, the enforced ones first.</summary>
    public IReadOnlyList<ImageRule> Rules => _evaluator.Rules;

    /// <summary>
    /// What is backed up when a command names no volume: the repository's list adds to the machine's, as the server's
    /// does. Empty: there is nothing to do, and an error to say so.
    /// </summary>
    public IReadOnlyList<VolumePattern> Domain
    {
        get
        {
            var domain = new List<VolumePattern>(Machine.Domain);
            if (Enforced is not null)
                domain.AddRange(Enforced.Domain);
            return domain;
        }
    }

    public RuleDecision Evaluate(VolumeNames volume) => _evaluator.Evaluate(volume);

    /// <exception cref="ImageBackupException">ManagementClassNotFound: the command names a class that does not exist.</exception>
    public ResolvedOptions Resolve(RuleDecision decision, ImageOptions? command = null, string? commandClass = null) =>
        OptionResolver.Resolve(command ?? ImageOptions.Empty, commandClass, decision, Classes, _clientWide);
}
