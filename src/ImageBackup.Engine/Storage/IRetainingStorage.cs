using System;
using System.Threading;

namespace ImageBackup.Engine.Storage;

/// <summary>
/// A storage whose server can keep what is written from being removed or changed by anybody until a time (an object store's object lock). Any thread.
/// </summary>
/// <remarks>
/// What is written while <see cref="RetentionPeriod"/> is set is kept for that period at least, but for locks. A removal takes the file out of the
/// repository all the same; its content stays with the server until its time has come.
/// </remarks>
internal interface IRetainingStorage : IStorage
{
    /// <summary>So long every file is kept from when it is written; null: nothing is.</summary>
    TimeSpan? RetentionPeriod { get; }

    /// <summary>Until when a file is kept; null: it is not kept at all, or not there.</summary>
    DateTimeOffset? RetainedUntil(StoredKind kind, string name, CancellationToken cancellation);

    /// <summary>Keeps a file for the period from now on. One that is kept for longer stays so. A file that is not there is no error.</summary>
    void Retain(StoredKind kind, string name, CancellationToken cancellation);
}
