using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;

namespace ImageBackup.Commands;

/// <summary>Lists the keys of a repository: who made them, where and when, and which one is in use.</summary>
[Cmdlet(VerbsCommon.Get, "ImageRepositoryKey")]
[OutputType(typeof(RepositoryKeyInfo))]
public sealed class GetImageRepositoryKeyCommand : RepositoryCmdlet
{
    /// <summary>The repository's path or object; else the connected one.</summary>
    [Parameter(Position = 0)]
    [Alias("Path")]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public override RepositoryArgument? Repository { get; set; }

    /// <summary>Beginnings of ids.</summary>
    [Parameter]
    [IdTransformation]
    [ValidateNotNullOrEmpty]
    public string[]? Id { get; set; }

    private protected override void Process()
    {
        IReadOnlyList<RepositoryKeyInfo> keys = RunInBackground("Reading the keys", _ => Opened.Keys());
        if (Id is null)
        {
            WriteObject(keys, enumerateCollection: true);
            return;
        }
        foreach (string id in Id)
            Attempt(id, () => WriteObject(KeyChoice.One(keys, id)));
    }
}
