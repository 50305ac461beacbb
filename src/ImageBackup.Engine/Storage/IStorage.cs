using System;
using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.Storage;

/// <summary>Dumb named files. Knows nothing of what is in them.</summary>
/// <remarks>
/// Contract: any thread. Every failure is a <see cref="StorageException"/>; whether it is worth another try says
/// <see cref="StorageException.Problem"/>. A name is 64 hexadecimal digits (empty for the config); anything else that
/// lies in the place of a kind is not listed. A file that <see cref="Save"/> or <see cref="IStorageUpload.Commit"/>
/// returned for is whole, under its final name, and survives a power cut; before that nothing is under that name.
/// A cancelled token ends a call with an OperationCanceledException; what has been done by then is as after a failure. It is
/// the caller who decides whether a call that tidies up is cancelled with the command.
/// </remarks>
internal interface IStorage : IDisposable
{
    /// <summary>Where it is, and its name for people.</summary>
    StorageLocation Location { get; }

    /// <summary>What its user must know of it to be quick.</summary>
    StorageTraits Traits { get; }

    /// <summary>Makes the places of all kinds. Called once, for a new repository.</summary>
    void CreateLayout(CancellationToken cancellation);

    /// <summary>False if not even the place exists.</summary>
    bool Exists(StoredKind kind, string name, CancellationToken cancellation);

    /// <summary>
    /// What is there now. A file that others remove meanwhile may be missing or not; that is not a failure. Nothing if a kind
    /// has no place yet, but a StorageException (ReadError or Gone) if the whole repository has gone.
    /// </summary>
    IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation);

    /// <summary>A file's length in bytes: asked before a large one is loaded.</summary>
    long LengthOf(StoredKind kind, string name, CancellationToken cancellation);

    /// <summary>A whole file of at most <paramref name="limitBytes"/>; a longer one is a StorageException (TooLarge).</summary>
    byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation);

    /// <summary>Fills the buffer from an offset; a file that ends before is a StorageException (TooShort).</summary>
    void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation);

    /// <summary>Writes a whole small file durably. Overwrites nothing: an existing name is left as it is (names are content hashes).</summary>
    void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation);

    /// <summary>Begins a file whose name is known only at its end.</summary>
    IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation);

    /// <summary>Removes a file; one that is not there is no error. It may be back after a power cut, until <see cref="SyncDeletions"/>.</summary>
    void Delete(StoredKind kind, string name, CancellationToken cancellation);

    /// <summary>
    /// Makes all deletions of a kind durable. Called if something else may be done only once they are: packs go after
    /// the index files that list them.
    /// </summary>
    void SyncDeletions(StoredKind kind, CancellationToken cancellation);

    /// <summary>Removes what killed writers of this machine left under temporary names; returns how many files.</summary>
    int RemoveAbandonedUploads(CancellationToken cancellation);
}

/// <summary>A file being written. Disposing without Commit removes it. One thread at a time.</summary>
internal interface IStorageUpload : IDisposable
{
    long LengthBytes { get; }

    void Append(byte[] buffer, int offset, int countBytes, CancellationToken cancellation);

    /// <summary>Makes the file durable under its name. May be called once.</summary>
    void Commit(string name, CancellationToken cancellation);
}
