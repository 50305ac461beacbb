using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Storage;

/// <summary>Dumb named files. Knows nothing of what is in them.</summary>
/// <remarks>
/// Contract: any thread. Every failure is a <see cref="StorageException"/>; whether it is worth another try says
/// <see cref="StorageException.Problem"/>. A name is 64 hexadecimal digits (empty for the config); anything else that
/// lies in the place of a kind is not listed. A file that <see cref="Save"/> or <see cref="IStorageUpload.Commit"/>
/// returned for is whole, under its final name, and survives a power cut; before that nothing is under that name.
/// </remarks>
internal interface IStorage : IDisposable
{
    /// <summary>For people: a path.</summary>
    string Location { get; }

    /// <summary>Makes the places of all kinds. Called once, for a new repository.</summary>
    void CreateLayout();

    /// <summary>False if not even the place exists.</summary>
    bool Exists(StoredKind kind, string name);

    /// <summary>
    /// What is there now. A file that others remove meanwhile may be missing or not; that is not a failure. Nothing if a kind
    /// has no place yet, but a StorageException (ReadError) if the whole repository has gone.
    /// </summary>
    IEnumerable<StoredFile> List(StoredKind kind);

    /// <summary>A file's length in bytes: asked before a large one is loaded.</summary>
    long LengthOf(StoredKind kind, string name);

    /// <summary>A whole file of at most <paramref name="limitBytes"/>; a longer one is a StorageException (TooLarge).</summary>
    byte[] Load(StoredKind kind, string name, int limitBytes);

    /// <summary>Fills the buffer from an offset; a file that ends before is a StorageException (TooShort).</summary>
    void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes);

    /// <summary>Writes a whole small file durably. Overwrites nothing: an existing name is left as it is (names are content hashes).</summary>
    void Save(StoredKind kind, string name, ReadOnlySpan<byte> content);

    /// <summary>Begins a file whose name is known only at its end.</summary>
    IStorageUpload BeginUpload(StoredKind kind);

    /// <summary>Removes a file; one that is not there is no error. It may be back after a power cut, until <see cref="SyncDeletions"/>.</summary>
    void Delete(StoredKind kind, string name);

    /// <summary>
    /// Makes all deletions of a kind durable. Called if something else may be done only once they are: packs go after
    /// the index files that list them.
    /// </summary>
    void SyncDeletions(StoredKind kind);

    /// <summary>Removes what killed writers of this machine left under temporary names; returns how many files.</summary>
    int RemoveAbandonedUploads();
}

/// <summary>A file being written. Disposing without Commit removes it. One thread at a time.</summary>
internal interface IStorageUpload : IDisposable
{
    long LengthBytes { get; }

    void Append(byte[] buffer, int offset, int countBytes);

    /// <summary>Makes the file durable under its name. May be called once.</summary>
    void Commit(string name);
}
