using System;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;

namespace ImageBackup;

/// <summary>An open repository as Connect-ImageRepository gives it; every cmdlet's -Repository takes it.</summary>
public sealed class RepositoryConnection : IDisposable
{
    private readonly ImageRepository _repository;

    /// <summary>restic's RESTIC_KEY_HINT: the beginning of the id of the key to try first; null if it is not set.</summary>
    internal static string? KeyHint => Environment.GetEnvironmentVariable("RESTIC_KEY_HINT");

    /// <summary>The same of the repository that is copied from: RESTIC_FROM_KEY_HINT.</summary>
    internal static string? FromKeyHint => Environment.GetEnvironmentVariable("RESTIC_FROM_KEY_HINT");

    internal RepositoryConnection(ImageRepository repository)
    {
        _repository = repository;
        Traces = new SnapshotHeaderCache(repository);
        Records = new ImageRecordCache(Traces);
        Memory = RepositoryMemory.Of(repository.Id);
        Policy = new EnforcedPolicyStore(repository, Traces, Memory);
        Location = repository.Location;
        Id = repository.Id;
        FormatVersion = repository.FormatVersion;
    }

    /// <summary>What Connect-ImageRepository -Name called it; null if it has no name.</summary>
    public string? Name { get; internal set; }

    /// <summary>Full path of the repository.</summary>
    public string Location { get; }

    /// <summary>The repository's id: 64 hexadecimal digits.</summary>
    public string Id { get; }
    public int FormatVersion { get; }
    public bool IsConnected { get; private set; } = true;

    /// <summary>What was read of the repository's snapshots, so that it is read once.</summary>
    internal SnapshotHeaderCache Traces { get; }

    /// <summary>The images that were read, so that a list in the same session reads only those that came since.</summary>
    internal ImageRecordCache Records { get; }

    /// <summary>What this machine has seen of the repository.</summary>
    internal RepositoryMemory Memory { get; }

    /// <summary>The rules and classes in the repository's keeping.</summary>
    internal EnforcedPolicyStore Policy { get; }

    /// <exception cref="ImageBackupException">RepositoryNotConnected: it was disconnected.</exception>
    internal ImageRepository Repository => IsConnected
        ? _repository
        : throw new ImageBackupException(ErrorId.RepositoryNotConnected, $"The repository '{Location}' was disconnected.", Location);

    /// <summary>The location, as it may be shown.</summary>
    public override string ToString() => DisplayText.Line(Location);

    /// <summary>Closes the repository and forgets its keys.</summary>
    public void Dispose()
    {
        if (!IsConnected)
            return;
        IsConnected = false;
        _repository.Dispose();
    }
}
