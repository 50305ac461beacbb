using System;

namespace ImageBackup.Engine.Storage;

/// <summary>
/// The steps on files and directories that <see cref="LocalStorage"/> changes a disk by. Everything that a power cut can
/// undo goes through here: the system's own (<see cref="SystemFileSteps"/>), or a double that records them and can lose
/// what was not flushed.
/// </summary>
/// <remarks>Contract: any thread; throws what System.IO throws.</remarks>
internal interface IFileSteps
{
    /// <summary>Makes a directory, and its parents, for the owner alone. Durable after a <see cref="SyncDirectory"/> of its parent.</summary>
    void CreateDirectory(string path);

    /// <summary>Makes a file for the owner alone; the name must be free.</summary>
    IFileWriter CreateFile(string path);

    /// <summary>Renames a file to a free name.</summary>
    void Move(string from, string to);

    /// <summary>Removes a file; one that is not there is no error.</summary>
    void Delete(string path);

    /// <summary>Makes the names in a directory durable.</summary>
    void SyncDirectory(string path);
}

/// <summary>A file being written from its beginning on. One thread at a time; disposing closes it.</summary>
internal interface IFileWriter : IDisposable
{
    void Append(byte[] buffer, int offset, int countBytes);

    /// <summary>Asks the system to begin writing what it holds in memory; no promise.</summary>
    void BeginWriteback();

    /// <summary>Puts the content on stable storage.</summary>
    void Flush();

    /// <summary>Gives back what the system's cache holds of what is on stable storage; no promise.</summary>
    void DropCache();

    /// <summary>Gives the space back.</summary>
    void Truncate();
}
