using System;
using System.Collections.Generic;
using System.Globalization;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Engine.Policy.Classes;

/// <summary>
/// The classes that count: the repository's, then the machine's of other names, and a built-in STANDARD with TSM's
/// defaults if neither has one of that name.
/// </summary>
internal sealed class ManagementClassCatalog
{
    private readonly Dictionary<string, ManagementClass> _byName = new(StringComparer.OrdinalIgnoreCase);

    /// <exception cref="ImageBackupException">ManagementClassNotFound: the default class that is named does not exist.</exception>
    public ManagementClassCatalog(ManagementClassDocument machine, ManagementClassDocument? enforced = null)
    {
        if (machine is null)
            throw new ArgumentNullException(nameof(machine));
        foreach (var each in machine.Classes)
            _byName[each.Name] = each;
        foreach (var each in enforced?.Classes ?? Array.Empty<ManagementClass>())
            _byName[each.Name] = each;
        if (!_byName.ContainsKey(ManagementClass.DefaultName))
            _byName.Add(ManagementClass.DefaultName, new ManagementClass { Name = ManagementClass.DefaultName });
        Default = Get(enforced?.DefaultClass ?? machine.DefaultClass ?? ManagementClass.DefaultName);
    }

    /// <summary>What applies if no rule names a class.</summary>
    public ManagementClass Default { get; }

    public IReadOnlyCollection<ManagementClass> All => _byName.Values;

    public ManagementClass? Find(string? name) => name is not null && _byName.TryGetValue(name, out var found) ? found : null;

    /// <exception cref="ImageBackupException">ManagementClassNotFound.</exception>
    public ManagementClass Get(string name) => Find(name)
        ?? throw new ImageBackupException(ErrorId.ManagementClassNotFound, $"There is no management class '{name}'.", name);

    /// <summary>Proves that every class a list names exists; called before anything starts.</summary>
    /// <exception cref="ImageBackupException">ManagementClassNotFound, with the rule's file and line.</exception>
    public void Check(RuleDocument rules)
    {
        if (rules is null)
            throw new ArgumentNullException(nameof(rules));
        foreach (var rule in rules.Rules)
        {
            if (rule.ManagementClass is { } name && Find(name) is null)
                throw new ImageBackupException(ErrorId.ManagementClassNotFound, string.Format(CultureInfo.InvariantCulture,
                    "{0}({1}): The rule '{2}' names the management class '{3}', which does not exist.", rule.Path, rule.Line, rule.Pattern, name), name);
        }
    }
}
