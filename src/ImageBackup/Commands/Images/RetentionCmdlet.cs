using System;
using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Commands;

/// <summary>The base of cmdlets that evaluate images by the management classes.</summary>
public abstract class RetentionCmdlet : RepositoryCmdlet
{
    private readonly Dictionary<ImageRepository, ImageCatalog> _catalogs = new();

    /// <summary>The file of management classes; by default the machine's.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? ClassPath { get; set; }

    /// <summary>The classes as they are now: this machine's, and what the repository keeps.</summary>
    /// <exception cref="ImageBackupException">
    /// ManagementClassInvalid, PolicyReadFailed, SnapshotCorrupt (it could be what the repository keeps): nothing may expire
    /// on half of what is known.
    /// </exception>
    private protected ImageRetention LoadRetention()
    {
        ManagementClassDocument machine = ManagementClassFile.Load(ClassPath is null ? PolicyPaths.Classes : ResolvePath(ClassPath), mustExist: ClassPath is not null).Document;
        EnforcedPolicy policy = RunInBackground("Reading the repository's classes", _ =>
        {
            Exception? unread = null;
            EnforcedPolicy kept = Connection.Policy.Load(failure => unread = failure, Stop);
            return unread is null ? kept : throw unread;
        });
        if (policy.Rollback is { } rollback)
            WriteWarning(rollback);
        ManagementClassDocument enforced = policy.Classes;
        _ = new ManagementClassCatalog(machine, enforced);
        return new ImageRetention { MachineClasses = machine, EnforcedClasses = enforced };
    }

    /// <summary>One a repository for the whole command: what is listed again under a lock is not read again.</summary>
    private protected ImageCatalog CatalogOf(ImageRepository repository)
    {
        lock (_catalogs)
        {
            if (!_catalogs.TryGetValue(repository, out ImageCatalog? catalog))
                _catalogs.Add(repository, catalog = new ImageCatalog(repository, RecordsOf(repository)));
            return catalog;
        }
    }

    /// <summary>All images of a repository, also inactive ones.</summary>
    /// <param name="repository">Which one.</param>
    /// <param name="retention">By what they are evaluated; null: by what they recorded.</param>
    private protected IReadOnlyList<ImageBackupInfo> List(ImageRepository repository, ImageRetention? retention) =>
        RunInBackground("Listing images", channel => CatalogOf(repository).List(
            new ImageFilter { IncludeInactive = true, Retention = retention }, failure => channel.WriteWarning(failure.Message), Stop));

    /// <summary>As <see cref="LoadRetention"/>; classes that cannot be read are a warning, and images are evaluated by what they recorded.</summary>
    private protected ImageRetention LoadRetentionForListing()
    {
        try
        {
            return LoadRetention();
        }
        catch (ImageBackupException failure) when (ClassPath is null && failure.Id is not ErrorId.Cancelled)
        {
            WriteWarning($"{failure.Message} Expiry is shown by the values recorded in the images.");
            return new ImageRetention();
        }
    }
}
