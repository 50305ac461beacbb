using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Storage;

/// <summary>
/// Keeps the files read last open: a restore reads a pack's blobs one after the other, and opening costs more than
/// reading. Any thread.
/// </summary>
internal sealed class ReadHandleCache(int capacity) : IDisposable
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private long _clock;
    private bool _disposed;

    /// <summary>Reads up to the count; fewer only at the file's end.</summary>
    public int ReadAt(string path, long offsetBytes, byte[] buffer, int countBytes)
    {
        Entry entry = Take(path);
        try
        {
            return entry.File.ReadAt(offsetBytes, buffer, countBytes);
        }
        catch (IOException)
        {
            // A share that went away and came back has left the handle dead: who tries again needs a new one.
            Forget(path);
            throw;
        }
        finally
        {
            Release(entry);
        }
    }

    public void Forget(string path)
    {
        lock (_entries)
        {
            if (_entries.TryGetValue(path, out Entry? entry))
            {
                _entries.Remove(path);
                entry.IsForgotten = true;
                if (entry.Users == 0)
                    entry.File.Dispose();
            }
        }
    }

    private Entry Take(string path)
    {
        lock (_entries)
        {
            if (_disposed)
                throw new ObjectDisposedException(nameof(ReadHandleCache));
            if (!_entries.TryGetValue(path, out Entry? entry))
            {
                if (_entries.Count >= capacity && _entries.Values.Where(e => e.Users == 0).OrderBy(e => e.LastUse).FirstOrDefault() is { } oldest)
                {
                    _entries.Remove(oldest.Path);
                    oldest.File.Dispose();
                }
                entry = new Entry(path, new PositionedFile(path));
                _entries.Add(path, entry);
            }
            entry.Users++;
            entry.LastUse = ++_clock;
            return entry;
        }
    }

    private void Release(Entry entry)
    {
        lock (_entries)
        {
            entry.Users--;
            if (entry.Users == 0 && (entry.IsForgotten || _disposed))
                entry.File.Dispose();
        }
    }

    public void Dispose()
    {
        lock (_entries)
        {
            _disposed = true;
            foreach (Entry entry in _entries.Values.Where(e => e.Users == 0))
                entry.File.Dispose();
            _entries.Clear();
        }
    }

    private sealed class Entry(string path, PositionedFile file)
    {
        public string Path => path;
        public PositionedFile File => file;
        public int Users;
        public long LastUse;
        public bool IsForgotten;
    }
}
