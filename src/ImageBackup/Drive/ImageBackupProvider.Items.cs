using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Provider;
using ImageBackup.Engine.Items.Drive;
using ImageBackup.Pipeline;
using ImageBackup.Session;

namespace ImageBackup.Drive;

/// <summary>Get-Item, Get-ChildItem, Test-Path and their like.</summary>
public sealed partial class ImageBackupProvider
{
    /// <summary>So that an image's name on the drive is in its table.</summary>
    private const string ImageTypeName = "ImageBackup.ImageBackupInfo#Drive";

    protected override bool IsValidPath(string path) => !string.IsNullOrEmpty(path);

    /// <remarks>PowerShell takes an exception for a no, without a word: what is in the way is written as an error before it says that there is no such path.</remarks>
    protected override bool ItemExists(string path)
    {
        if (string.IsNullOrEmpty(path))
            return true;
        try
        {
            return Answer(path, place =>
            {
                using DriveLease? lease = place.Browsed.Tree.Acquire(place.Names, StopToken);
                return lease is not null;
            });
        }
        catch (RuntimeException e) when (e is not PipelineStoppedException)
        {
            if (e.InnerException is not ImageBackupException { Id: ErrorId.RepositoryNotFound })
                WriteError(e.ErrorRecord);
            return false;
        }
    }

    protected override bool IsItemContainer(string path) => Answer(path, place =>
    {
        using DriveLease? lease = place.Browsed.Tree.Acquire(place.Names, StopToken);
        return lease is { Node.IsContainer: true };
    });

    protected override bool HasChildItems(string path) => Answer(path, place =>
    {
        using DriveLease? lease = place.Browsed.Tree.Acquire(place.Names, StopToken);
        return lease is not null && place.Browsed.Tree.Children(lease.Node, _ => { }, StopToken).Any();
    });

    protected override void GetItem(string path) => Attempt(path, place =>
    {
        using DriveLease? lease = place.Browsed.Tree.Acquire(place.Names, StopToken);
        if (lease is null)
            throw NotFound(place);
        WarnOfNotes(lease.Node);
        Write(place.Browsed, lease.Node);
    });

    protected override object GetChildItemsDynamicParameters(string path, bool recurse) => new ChildItemParameters();

    protected override object GetChildNamesDynamicParameters(string path) => new ChildItemParameters();

    protected override void GetChildItems(string path, bool recurse) => List(path, recurse ? int.MaxValue : 0);

    protected override void GetChildItems(string path, bool recurse, uint depth) => List(path, recurse ? (int)Math.Min(depth, int.MaxValue) : 0);

    protected override void GetChildNames(string path, ReturnContainers returnContainers) => Attempt(path, place =>
    {
        using DriveLease? lease = place.Browsed.Tree.Acquire(place.Names, StopToken);
        if (lease is null)
            throw NotFound(place);
        Func<DriveNode, bool> isWanted = Wanted();
        foreach (DriveNode child in place.Browsed.Tree.Children(lease.Node, WriteProblem, StopToken))
        {
            if (Stopping)
                return;
            if (isWanted(child) || returnContainers == ReturnContainers.ReturnAllContainers && child.IsContainer)
                WriteItemObject(child.PathNames[child.PathNames.Count - 1], place.Browsed.PathOf(child.PathNames), child.IsContainer);
        }
    });

    private void List(string path, int maxDepth) => Attempt(path, place =>
    {
        using DriveLease? lease = place.Browsed.Tree.Acquire(place.Names, StopToken);
        if (lease is null)
            throw NotFound(place);
        Func<DriveNode, bool> isWanted = Wanted();
        WarnOfNotes(lease.Node);
        if (!lease.Node.IsContainer)
        {
            if (isWanted(lease.Node))
                Write(place.Browsed, lease.Node);
            return;
        }
        foreach (DriveNode each in place.Browsed.Tree.Below(lease.Node, maxDepth, WriteProblem, StopToken))
        {
            if (Stopping)
                return;
            WarnOfNotes(each);
            if (isWanted(each))
                Write(place.Browsed, each);
        }
    });

    /// <summary>-Filter, -File and -Directory. Names in any case, as PowerShell's own wildcards on a drive.</summary>
    private Func<DriveNode, bool> Wanted()
    {
        WildcardPattern? filter = string.IsNullOrEmpty(Filter) ? null : WildcardPattern.Get(Filter, WildcardOptions.IgnoreCase);
        var parameters = DynamicParameters as ChildItemParameters;
        bool files = parameters is { File.IsPresent: true }, directories = parameters is { Directory.IsPresent: true };
        return node => (!files || !node.IsContainer) && (!directories || node.IsContainer)
            && (filter is null || filter.IsMatch(node.Name));
    }

    private void Write(BrowsedRepository browsed, DriveNode node)
    {
        var shown = PSObject.AsPSObject(browsed.Tree.Describe(node));
        if (shown.BaseObject is ImageBackupInfo)
            shown.TypeNames.Insert(0, ImageTypeName);
        WriteItemObject(shown, browsed.PathOf(node.PathNames), node.IsContainer);
    }

    /// <summary>Once an image that is open.</summary>
    private void WarnOfNotes(DriveNode node)
    {
        if (node.Open is not { HasToldNotes: false } open)
            return;
        open.HasToldNotes = true;
        foreach (string note in open.Source.Tree.Notes)
            WriteWarning($"The image {open.Source.Image.ShortId} of '{open.Source.Image.Volume}': {note}");
    }

    private void WriteProblem(ImageBackupException problem) => WriteError(ErrorRecords.From(Explained(problem), problem.Target));

    private static ImageBackupException NotFound(Place place) =>
        new(ErrorId.ItemNotFound, $"'{place.Browsed.Connection.Location}' has no '{string.Join("/", place.Names)}'.", place.Browsed.PathOf(place.Names));

    public void GetProperty(string path, Collection<string> providerSpecificPickList) => Attempt(path, place =>
    {
        using DriveLease? lease = place.Browsed.Tree.Acquire(place.Names, StopToken);
        if (lease is null)
            throw NotFound(place);
        var whole = PSObject.AsPSObject(place.Browsed.Tree.Describe(lease.Node));
        var picked = new PSObject();
        IEnumerable<PSPropertyInfo> properties = providerSpecificPickList is not { Count: > 0 } names ? whole.Properties
            : whole.Properties.Where(property => names.Any(name => WildcardPattern.Get(name, WildcardOptions.IgnoreCase).IsMatch(property.Name)));
        foreach (PSPropertyInfo property in properties)
            picked.Properties.Add(new PSNoteProperty(property.Name, property.Value));
        WritePropertyObject(picked, path);
    });

    public object? GetPropertyDynamicParameters(string path, Collection<string> providerSpecificPickList) => null;
}
