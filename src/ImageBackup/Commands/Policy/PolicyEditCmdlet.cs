using System;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Commands;

/// <summary>The base of cmdlets that change a rule list or classes: a file, or with -Enforced what the repository keeps.</summary>
public abstract class PolicyEditCmdlet : PolicyCmdlet
{
    /// <summary>The list or classes in the repository's keeping, which go before those of every machine.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SwitchText]
    public SwitchParameter Enforced { get; set; }

    private protected sealed override bool NeedsRepository => Enforced;

    /// <summary>Changes the rule list.</summary>
    /// <param name="edit">Gives the changed list; the same object if nothing is to be done.</param>
    /// <param name="action">What is done, for -WhatIf and -Confirm.</param>
    /// <param name="managementClass">A class that must exist; null: none.</param>
    /// <returns>The list as it is now; null if the user said no.</returns>
    private protected RuleDocument? EditRules(Func<RuleDocument, RuleDocument> edit, string action, string? managementClass)
    {
        if (Enforced)
        {
            EnforcedPolicy kept = LoadEnforcedForEdit();
            RequireClass(new ManagementClassCatalog(ManagementClassDocument.Empty, kept.Classes), managementClass);
            RuleDocument edited = edit(kept.Rules);
            if (ReferenceEquals(edited, kept.Rules))
                return NothingToDo(edited, kept.Rules.Path);
            if (!ShouldProcess($"the rules in the repository {Connection.Location}", action))
                return null;
            return RunInBackground("Storing the rules", _ => Connection.Policy.Save(kept with { Rules = edited }, Stop)).Rules;
        }
        RuleFile file = RuleFile.Load(FullPath(RulePath) ?? PolicyPaths.Rules);
        if (managementClass is not null)
            RequireClass(new ManagementClassCatalog(LoadClasses().Document, LoadEnforced()?.Classes), managementClass);
        RuleDocument changed = edit(file.Document);
        if (ReferenceEquals(changed, file.Document))
            return NothingToDo(changed, file.Path);
        if (!ShouldProcess(file.Path, action))
            return null;
        file.Save(changed);
        return file.Document;
    }

    /// <summary>Changes the classes.</summary>
    /// <param name="edit">Gives the changed classes; the same object if nothing is to be done.</param>
    /// <param name="action">What is done, for -WhatIf and -Confirm.</param>
    /// <returns>The classes as they are now and where; null if the user said no.</returns>
    private protected ManagementClassDocument? EditClasses(Func<ManagementClassDocument, ManagementClassDocument> edit, string action)
    {
        if (Enforced)
        {
            EnforcedPolicy kept = LoadEnforcedForEdit();
            ManagementClassDocument edited = edit(kept.Classes);
            if (ReferenceEquals(edited, kept.Classes))
                return NothingToDo(edited, $"the classes in the repository {Connection.Location}");
            // Read back before it is stored: a class that no machine could read would stop them all.
            _ = new ManagementClassCatalog(ManagementClassDocument.Empty, edited);
            if (!ShouldProcess($"the management classes in the repository {Connection.Location}", action))
                return null;
            return RunInBackground("Storing the classes", _ => Connection.Policy.Save(kept with { Classes = edited }, Stop)).Classes;
        }
        ManagementClassFile file = LoadClasses(mustExist: false);
        ManagementClassDocument changed = edit(file.Document);
        if (ReferenceEquals(changed, file.Document))
            return NothingToDo(changed, file.Path);
        // The default class may be one of the repository's.
        _ = new ManagementClassCatalog(changed, LoadEnforced()?.Classes);
        if (!ShouldProcess(file.Path, action))
            return null;
        file.Save(changed);
        return file.Document;
    }

    private protected ManagementClassFile LoadClasses(bool mustExist = true) =>
        ManagementClassFile.Load(FullPath(ClassPath) ?? PolicyPaths.Classes, mustExist && ClassPath is not null);

    private EnforcedPolicy LoadEnforcedForEdit()
    {
        OpenRepository();
        return LoadEnforced() ?? throw new ImageBackupException(ErrorId.RepositoryNotConnected, "The command names no repository, and none is connected.");
    }

    private T NothingToDo<T>(T document, string where)
    {
        WriteVerbose($"{where}: there is nothing to change.");
        return document;
    }

    private static void RequireClass(ManagementClassCatalog classes, string? name)
    {
        if (name is not null)
            _ = classes.Get(name);
    }
}
