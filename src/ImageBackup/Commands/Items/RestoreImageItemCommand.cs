using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Engine.Items;

namespace ImageBackup.Commands;

/// <summary>Takes files and directories out of an image.</summary>
[Cmdlet(VerbsData.Restore, "ImageItem", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(ItemRestoreResult))]
public sealed class RestoreImageItemCommand : ItemCmdlet
{
    private readonly Dictionary<string, ItemRestorer> _restorers = new(StringComparer.Ordinal);
    private readonly List<ImageBackupException> _problems = [];
    private readonly List<string> _warnings = [];
    private string? _destination;

    /// <summary>The directory to restore to; it is made. Each file lies there under its whole path in the image.</summary>
    [Parameter(Mandatory = true, Position = 2)]
    [Alias("Target")]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = "";

    /// <summary>Replace files and links that are there. Directories are never replaced.</summary>
    [Parameter]
    public SwitchParameter Overwrite { get; set; }

    /// <summary>Owners, setuid and setgid, and extended attributes too; on Windows the attributes.</summary>
    [Parameter]
    public SwitchParameter PreservePermissions { get; set; }

    /// <summary>The other streams of files too (NTFS).</summary>
    [Parameter]
    public SwitchParameter IncludeStream { get; set; }

    /// <summary>All files straight into the destination, without the directories that they lie in.</summary>
    [Parameter]
    public SwitchParameter Flatten { get; set; }

    private protected override void Begin()
    {
        base.Begin();
        _destination = ResolvePath(Destination);
    }

    private protected override void Process() => EachImage(Restore);

    private void Restore(ImageArgument argument)
    {
        ItemSource source = Open(argument);
        foreach ((string path, IReadOnlyList<ItemPathPart> parts) in Paths(source))
        {
            Attempt(path, () =>
            {
                foreach (FoundItem item in Find(source, path, parts))
                    Restore(source, item);
            });
        }
    }

    private void Restore(ItemSource source, FoundItem item)
    {
        string path = item.PathIn(source);
        if (!ShouldProcess(_destination!, $"Restore '{path}' of the image {source.Image.ShortId} of '{source.Image.Volume}'"))
            return;
        if (!_restorers.TryGetValue(source.Image.Id, out ItemRestorer? restorer))
        {
            var options = new ItemRestoreOptions
            {
                Destination = _destination!,
                Overwrite = Overwrite,
                PreservePermissions = PreservePermissions,
                IncludeStreams = IncludeStream,
                Flatten = Flatten,
            };
            restorer = RunInBackground("Opening the destination", _ => new ItemRestorer(source, options, _problems.Add, _warnings.Add));
            _restorers.Add(source.Image.Id, restorer);
        }
        RunInBackground($"Restoring {path}", channel => restorer.Restore(item, channel, Stop));
        WritePending();
    }

    private void WritePending()
    {
        foreach (string warning in _warnings)
            WriteWarning(warning);
        _warnings.Clear();
        ImageBackupException[] problems = [.. _problems];
        _problems.Clear();
        WriteProblems(problems);
    }

    /// <summary>The links, and the directories' times.</summary>
    private protected override void End()
    {
        foreach (ItemRestorer restorer in _restorers.Values.ToArray())
        {
            ItemRestoreResult result = RunInBackground("Restoring links and directories", _ => restorer.Finish(Stop));
            WritePending();
            WriteObject(result);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (ItemRestorer restorer in _restorers.Values)
                restorer.Dispose();
            _restorers.Clear();
        }
        base.Dispose(disposing);
    }
}
