using System;
using System.Collections.Generic;
using ImageBackup.Engine.Storage.Transfer;

namespace ImageBackup.Engine.Storage;

/// <summary>Where a repository is: restic's spelling taken apart. The address may hold secrets; what is shown does not.</summary>
internal sealed class StorageLocation
{
    public const string LocalScheme = "local";

    private static readonly IReadOnlyDictionary<string, string> s_noOptions = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <param name="scheme">What stands before the colon.</param>
    /// <param name="address">What stands behind it.</param>
    /// <param name="displayName">The whole without its secrets, such that it names the repository again; null: there are none in the address.</param>
    /// <param name="options">By restic's names ("rest.connections").</param>
    public StorageLocation(string scheme, string address, string? displayName = null, IReadOnlyDictionary<string, string>? options = null)
    {
        Scheme = scheme;
        Address = address;
        DisplayName = displayName ?? (scheme == LocalScheme ? address : scheme + ":" + address);
        Options = options ?? s_noOptions;
    }

    public string Scheme { get; }

    /// <summary>May hold a password: never shown, logged or put into an object.</summary>
    internal string Address { get; }

    /// <summary>For people and for objects: the path, or the URL without its password. It names the repository again.</summary>
    public string DisplayName { get; }

    /// <summary>The directory's path; null if it is not on a file system of this machine.</summary>
    public string? LocalPath => Scheme == LocalScheme ? Address : null;

    /// <summary>Options by restic's names, without regard to case.</summary>
    public IReadOnlyDictionary<string, string> Options { get; }

    /// <summary>How fast it may be written and read; null: as fast as it goes.</summary>
    public TransferLimits? Limits { get; private init; }

    /// <summary>Why nothing may be changed there, as a sentence for people; null: it is opened for writing too.</summary>
    public string? ReadOnlyReason { get; private init; }

    /// <summary>The same place, spoken to no faster than that.</summary>
    public StorageLocation With(TransferLimits? limits) => new(Scheme, Address, DisplayName, Options) { Limits = limits, ReadOnlyReason = ReadOnlyReason };

    /// <summary>The same place, where nothing can be changed by the one who opens it (<see cref="ReadOnlyStorage"/>).</summary>
    public StorageLocation ForReading(string reason) => new(Scheme, Address, DisplayName, Options) { Limits = Limits, ReadOnlyReason = reason };

    public static StorageLocation OfPath(string path) => new(LocalScheme, path);

    public override string ToString() => DisplayName;
}
