using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;

namespace ImageBackup.Commands;

/// <summary>Lists the management classes that count: the repository's, if one is named or connected, the machine's of other names, and the built-in STANDARD.</summary>
[Cmdlet(VerbsCommon.Get, "ManagementClass")]
[OutputType(typeof(ManagementClassInfo))]
public sealed class GetManagementClassCommand : PolicyCmdlet
{
    /// <summary>Names of classes; * and ? are wildcards.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("ManagementClass", "Class")]
    [ArgumentCompleter(typeof(ManagementClassCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    /// <summary>Only the classes in the repository's keeping.</summary>
    [Parameter]
    public SwitchParameter Enforced { get; set; }

    private protected override bool NeedsRepository => Enforced;

    private protected override void Process()
    {
        ManagementClassFile machine = ManagementClassFile.Load(FullPath(ClassPath) ?? PolicyPaths.Classes, mustExist: ClassPath is not null);
        ManagementClassDocument? kept = LoadEnforced()?.Classes;
        var catalog = new ManagementClassCatalog(machine.Document, kept);
        List<ManagementClassInfo> all =
        [
            .. catalog.All.Where(each => !Enforced || each.IsEnforced)
                .Select(each => InfoOf(each, catalog, machine))
                .OrderByDescending(each => each.IsDefault).ThenBy(each => each.Name, System.StringComparer.OrdinalIgnoreCase),
        ];
        if (Name is null)
        {
            WriteObject(all, enumerateCollection: true);
            return;
        }
        foreach (string name in Name)
        {
            Attempt(name, () =>
            {
                NamePattern? pattern = NamePattern.Of(name);
                List<ManagementClassInfo> found = [.. all.Where(each => pattern?.IsMatch(each.Name) ?? ManagementClass.IsSameName(each.Name, name))];
                if (found.Count == 0 && pattern is null)
                    throw new ImageBackupException(ErrorId.ManagementClassNotFound, $"There is no management class '{name}'.", name);
                WriteObject(found, enumerateCollection: true);
            });
        }
    }

    private ManagementClassInfo InfoOf(ManagementClass each, ManagementClassCatalog catalog, ManagementClassFile machine)
    {
        bool isDefault = ManagementClass.IsSameName(each.Name, catalog.Default.Name);
        if (each.IsEnforced)
            return each.ToInfo(isDefault, null, Connection.Location);
        return machine.Document.Find(each.Name) is not null
            ? each.ToInfo(isDefault, machine.Path, machine.Path)
            : each.ToInfo(isDefault, null, "built in");
    }
}
