using System;
using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Provider;
using ImageBackup.Pipeline;

namespace ImageBackup.Drive;

/// <summary>All that would change an image: it is refused, with what to do instead.</summary>
public sealed partial class ImageBackupProvider
{
    protected override void SetItem(string path, object value) => Refuse(path);

    protected override void ClearItem(string path) => Refuse(path);

    protected override void InvokeDefaultAction(string path) => Refuse(path);

    protected override void NewItem(string path, string itemTypeName, object newItemValue) => Refuse(path);

    protected override void RemoveItem(string path, bool recurse) => Refuse(path);

    protected override void RenameItem(string path, string newName) => Refuse(path);

    protected override void CopyItem(string path, string copyPath, bool recurse) => Refuse(path);

    protected override void MoveItem(string path, string destination) => Refuse(path);

    /// <remarks>Without a writer PowerShell goes on to use it: the refusal must be thrown.</remarks>
    public IContentWriter GetContentWriter(string path) => throw Thrown(ReadOnly(path), path);

    public object? GetContentWriterDynamicParameters(string path) => new ContentParameters();

    /// <inheritdoc cref="GetContentWriter"/>
    public void ClearContent(string path) => throw Thrown(ReadOnly(path), path);

    public object? ClearContentDynamicParameters(string path) => null;

    public void SetProperty(string path, PSObject propertyValue) => Refuse(path);

    public object? SetPropertyDynamicParameters(string path, PSObject propertyValue) => null;

    public void ClearProperty(string path, Collection<string> propertyToClear) => Refuse(path);

    public object? ClearPropertyDynamicParameters(string path, Collection<string> propertyToClear) => null;

    /// <summary>
    /// PowerShell refuses a copy from one provider to another before it asks the provider for it. Here, where it asks for parameters, is
    /// the one place to say what to do instead.
    /// </summary>
    protected override object? CopyItemDynamicParameters(string path, string destination, bool recurse)
    {
        ThrowIfElsewhere(path, destination, "Copy-Item");
        return null;
    }

    /// <summary>Before PowerShell asks whether all that is in a directory is to go.</summary>
    protected override object? RemoveItemDynamicParameters(string path, bool recurse)
    {
        if (!recurse && !IsWhereWeAre(path) && ItemExists(path) && IsItemContainer(path))
            throw Thrown(ReadOnly(path), path);
        return null;
    }

    protected override object? MoveItemDynamicParameters(string path, string destination)
    {
        ThrowIfElsewhere(path, destination, "Move-Item");
        return null;
    }

    private void ThrowIfElsewhere(string path, string destination, string command)
    {
        if (IsWhereWeAre(path))
            return;
        ProviderInfo provider;
        try
        {
            _ = SessionState.Path.GetUnresolvedProviderPathFromPSPath(string.IsNullOrEmpty(destination) ? "." : destination, out provider, out _);
        }
        catch (RuntimeException failure) when (failure is not PipelineStoppedException)
        {
            // No drive of that name: PowerShell says so.
            return;
        }
        if (provider.ImplementingType == GetType())
            return;
        throw Thrown(new ImageBackupException(ErrorId.DriveReadOnly,
            $"'{path}' was left where it is: PowerShell does not let {command} reach from images to files. Restore-ImageItem takes the same path, and -Destination.", path), path);
    }

    /// <summary>The path of a command that takes its paths from the pipeline: they are not known yet.</summary>
    private bool IsWhereWeAre(string path) => string.Equals(path, SessionState.Path.CurrentLocation.ProviderPath, StringComparison.OrdinalIgnoreCase);

    private static ImageBackupException ReadOnly(string path) => new(ErrorId.DriveReadOnly, $"'{path}' was not changed: images are read-only.", path);

    private void Refuse(string path) => WriteError(ErrorRecords.From(ReadOnly(path), path));
}
