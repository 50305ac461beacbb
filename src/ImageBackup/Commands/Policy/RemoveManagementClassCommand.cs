using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Commands;

/// <summary>Removes management classes. Their images keep the values that they recorded.</summary>
[Cmdlet(VerbsCommon.Remove, "ManagementClass", SupportsShouldProcess = true)]
public sealed class RemoveManagementClassCommand : PolicyEditCmdlet
{
    /// <summary>The class's name.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ManagementClassCompleter))]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "";

    /// <summary>Removes a class that rules of the list name: no backup starts until it is there again.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override void Process() => Attempt(Name, () => EditClasses(
        document =>
        {
            ManagementClassDocument edited = document.Remove(Name);
            ThrowIfNamed(Name);
            return edited;
        },
        $"Remove the management class {Name}"));

    /// <summary>The built-in class takes over if STANDARD is removed, the repository's if it has one of the name.</summary>
    private void ThrowIfNamed(string name)
    {
        if ((Force && !Enforced) || ManagementClass.IsSameName(name, ManagementClass.DefaultName))
            return;
        EnforcedPolicy? kept = LoadEnforced();
        if (!Enforced && kept?.Classes.Find(name) is not null)
            return;
        RuleDocument list = Enforced ? kept!.Rules : RuleFile.Load(FullPath(RulePath) ?? PolicyPaths.Rules, mustExist: RulePath is not null).Document;
        List<ImageRule> naming = [.. list.Rules.Where(rule => ManagementClass.IsSameName(rule.ManagementClass, name))];
        if (naming.Count > 0)
        {
            throw new ImageBackupException(ErrorId.ManagementClassInUse,
                $"{naming[0].Path}({naming[0].Line}): The rule '{naming[0].Pattern}' names the management class '{name}'.", name);
        }
    }
}
