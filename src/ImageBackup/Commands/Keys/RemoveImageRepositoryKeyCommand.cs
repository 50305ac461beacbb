using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Commands;

/// <summary>Removes passwords of a repository; never the one in use, and so never the last.</summary>
[Cmdlet(VerbsCommon.Remove, "ImageRepositoryKey", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
public sealed class RemoveImageRepositoryKeyCommand : RepositoryCmdlet
{
    /// <summary>Ids of keys or their beginnings; objects of Get-ImageRepositoryKey.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(RepositoryKeyCompleter))]
    [IdTransformation]
    [ValidateNotNullOrEmpty]
    public string[]? Id { get; set; }

    private protected override void Process()
    {
        foreach (string id in Id ?? [])
        {
            Attempt(id, () =>
            {
                RepositoryKeyInfo key = KeyChoice.One(RunInBackground("Reading the keys", _ => Opened.Keys()), id);
                if (!ShouldProcess(Connection.Location, $"Remove the key {key.ShortId}{Origin(key)}"))
                {
                    if (IsWhatIf)
                        RunInBackground("Looking at the keys", _ => Opened.CheckRemovalOfKey(key.Id));
                    return;
                }
                RunInBackground("Removing a key", _ => Opened.RemoveKey(key.Id, Stop));
            });
        }
    }

    private static string Origin(RepositoryKeyInfo key) =>
        key.Problem is not null ? ", which is damaged"
            : $"{(key.Label is null ? "" : $" '{key.Label}'")} of {key.UserName} on {key.ComputerName}, made {(key.Created is { } created ? DisplayText.Minute(created) : "at an unknown time")}";
}
