using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Undo;

namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>The undo records that a provider writes before it takes a snapshot, and by which it finds orphans of killed runs.</summary>
/// <typeparam name="T">The system's kind of note.</typeparam>
internal sealed class SnapshotUndoRecords<T>
    where T : class, IUndoRecord
{
    /// <summary>Makes a note of these values.</summary>
    public required Func<IReadOnlyDictionary<string, string>, T> Create { private get; init; }

    /// <summary>The undo records of killed runs, held now.</summary>
    public required Func<IReadOnlyList<T>> Abandoned { private get; init; }

    /// <summary>Notes that somebody else may have written, and why they are not taken.</summary>
    public Func<IReadOnlyList<(string Path, string Why)>> Refused { private get; init; } = () => [];

    /// <summary>The orphans of killed runs by their undo records; none is held.</summary>
    public required Func<IReadOnlyList<IReadOnlyDictionary<string, string>>> Left { private get; init; }

    /// <summary>What the snapshot is called by these values; null: nothing was taken.</summary>
    public required Func<IReadOnlyDictionary<string, string>, string?> NameOf { private get; init; }

    /// <summary>Of which volumes it is.</summary>
    public required Func<IReadOnlyDictionary<string, string>, string?> VolumeOf { private get; init; }

    /// <summary>To be called before anything is taken.</summary>
    /// <param name="values">What the next run needs to undo it.</param>
    /// <param name="failed">The provider's error, of its reason.</param>
    /// <exception cref="ImageBackupException">It could not be written.</exception>
    public T Begin(IReadOnlyDictionary<string, string> values, Func<string, Exception, ImageBackupException> failed)
    {
        try
        {
            return Create(values);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw failed($"it could not be written down that the snapshot must be removed: {e.Message}", e);
        }
    }

    /// <param name="provider">The provider's name.</param>
    public IReadOnlyList<OrphanSnapshot> FindOrphans(string provider)
    {
        var found = new List<OrphanSnapshot>();
        foreach (IReadOnlyDictionary<string, string> values in Left())
        {
            if (NameOf(values) is { } name)
                found.Add(new OrphanSnapshot(provider, name, VolumeOf(values)));
        }
        // They are named with the others, and removing one says why it is not done.
        found.AddRange(Refused().Select(record => new OrphanSnapshot(provider, record.Path, null)));
        return found;
    }

    /// <param name="leftover">One of <see cref="FindOrphans"/>'.</param>
    /// <param name="undo">Removes what the values tell of; if it throws, the note stays.</param>
    public void Remove(OrphanSnapshot leftover, Action<IReadOnlyDictionary<string, string>> undo)
    {
        foreach ((string path, string why) in Refused())
        {
            if (path == leftover.Name)
                throw new ImageBackupException(ErrorId.SnapshotFailed, why, path);
        }
        IReadOnlyList<T> records = Abandoned();
        try
        {
            foreach (T record in records.Where(record => NameOf(record.Values) == leftover.Name))
            {
                undo(record.Values);
                record.Remove();
            }
        }
        finally
        {
            foreach (T record in records)
                record.Dispose();
        }
    }
}

/// <summary>The notes of the systems.</summary>
internal static class SnapshotUndoRecords
{
    public static SnapshotUndoRecords<LinuxUndoRecord> Linux(string directory, string kind,
        Func<IReadOnlyDictionary<string, string>, string?> nameOf, Func<IReadOnlyDictionary<string, string>, string?> volumeOf) => new()
        {
            Create = values => LinuxUndoRecord.Create(directory, kind, values),
            Abandoned = () => LinuxUndoRecord.Abandoned(directory, kind),
            Refused = () => LinuxUndoRecord.Refused(directory, kind),
            Left = () => [.. LinuxUndoRecord.Left(directory, kind).Select(record => record.Values)],
            NameOf = nameOf,
            VolumeOf = volumeOf,
        };

    public static SnapshotUndoRecords<WindowsUndoRecord> Windows(string directory, string kind,
        Func<IReadOnlyDictionary<string, string>, string?> nameOf, Func<IReadOnlyDictionary<string, string>, string?> volumeOf) => new()
        {
            Create = values => WindowsUndoRecord.Create(directory, kind, values),
            Abandoned = () => WindowsUndoRecord.Abandoned(directory, kind),
            Left = () => WindowsUndoRecord.Left(directory, kind),
            NameOf = nameOf,
            VolumeOf = volumeOf,
        };
}
