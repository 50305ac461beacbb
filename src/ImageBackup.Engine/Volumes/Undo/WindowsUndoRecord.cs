using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Undo;

/// <summary>
/// A small file that says what this process has taken and must give back: a shadow copy. It is there before the thing is taken,
/// and open with no sharing while the process lives; one that can be opened was left by a killed run.
/// </summary>
internal sealed class WindowsUndoRecord : IUndoRecord
{
    private const int MaxBytes = 64 << 10;
    private const int MaxFiles = 4096;

    private readonly FileStream _stream;
    private readonly Dictionary<string, string> _values;

    private WindowsUndoRecord(FileStream stream, Dictionary<string, string> values)
    {
        _stream = stream;
        _values = values;
    }

    /// <summary>Where they lie: what outlives a restart of the machine must still be undone after it.</summary>
    public static string LastingDirectory => Path.Combine(MachineFolders.LastingState, UndoRecordFiles.DirectoryName);

    public IReadOnlyDictionary<string, string> Values => _values;

    /// <summary>Written and on the disk when it returns. Values are one line each.</summary>
    /// <exception cref="IOException">It could not be: nothing must be taken then.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static WindowsUndoRecord Create(string directory, string kind, IReadOnlyDictionary<string, string> values)
    {
        ProtectedDirectory.Create(directory);
        var stream = new FileStream(Path.Combine(directory, $"{kind}-{Guid.NewGuid():N}{UndoRecordFiles.Suffix}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 4096);
        var held = new WindowsUndoRecord(stream, new Dictionary<string, string>(StringComparer.Ordinal));
        try
        {
            held.Write(values);
            return held;
        }
        catch
        {
            held.Remove();
            throw;
        }
    }

    /// <summary>The files that killed runs left; each is open now, so that only one run undoes it. Never throws.</summary>
    public static IReadOnlyList<WindowsUndoRecord> Abandoned(string directory, string kind)
    {
        var found = new List<WindowsUndoRecord>();
        foreach (string path in Files(directory, kind))
        {
            if (TryOpen(path) is not { } held)
                continue;
            // Its maker died before it took anything, or after it gave it back.
            if (held.Values.Count == 0)
                held.Remove();
            else
                found.Add(held);
        }
        return found;
    }

    /// <summary>What the files of killed runs say. Never throws.</summary>
    public static IReadOnlyList<IReadOnlyDictionary<string, string>> Left(string directory, string kind)
    {
        var found = new List<IReadOnlyDictionary<string, string>>();
        foreach (WindowsUndoRecord file in Abandoned(directory, kind))
        {
            using (file)
                found.Add(file.Values);
        }
        return found;
    }

    /// <summary>Adds what became known meanwhile.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    public void Write(IReadOnlyDictionary<string, string> values)
    {
        foreach (KeyValuePair<string, string> value in values)
            _values[value.Key] = value.Value.Replace('\r', ' ').Replace('\n', ' ');
        var text = new StringBuilder();
        foreach (KeyValuePair<string, string> value in _values)
            text.Append(value.Key).Append('=').Append(value.Value).Append('\n');
        byte[] bytes = Encoding.UTF8.GetBytes(text.ToString());
        _stream.Position = 0;
        _stream.Write(bytes, 0, bytes.Length);
        _stream.SetLength(bytes.Length);
        _stream.Flush(flushToDisk: true);
    }

    /// <summary>The thing is given back.</summary>
    public void Remove()
    {
        try
        {
            // Between the closing and the deleting another run may open it: it finds nothing in it.
            _stream.SetLength(0);
            _stream.Flush(flushToDisk: true);
            _stream.Dispose();
            File.Delete(_stream.Name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            _stream.Dispose();
        }
    }

    /// <summary>The thing could not be given back: the next run finds the file.</summary>
    public void Dispose() => _stream.Dispose();

    private static List<string> Files(string directory, string kind)
    {
        var files = new List<string>();
        foreach (string place in UndoRecordFiles.DirectoriesToRead(directory))
        {
            try
            {
                if (Directory.Exists(place) && ProtectedDirectory.IsTrusted(place))
                    files.AddRange(Directory.GetFiles(place, kind + "-*").Where(file => UndoRecordFiles.IsRecord(Path.GetFileName(file), kind)).Take(MaxFiles));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A directory that cannot be read holds nothing that can be undone.
            }
        }
        return files;
    }

    private static WindowsUndoRecord? TryOpen(string path)
    {
        FileStream? stream = null;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 4096);
            return new WindowsUndoRecord(stream, Read(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            stream?.Dispose();
            return null;
        }
    }

    private static Dictionary<string, string> Read(FileStream stream)
    {
        byte[] bytes = new byte[(int)Math.Min(stream.Length, MaxBytes)];
        int count = 0;
        for (int read; count < bytes.Length && (read = stream.Read(bytes, count, bytes.Length - count)) > 0;)
            count += read;
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in Encoding.UTF8.GetString(bytes, 0, count).Split('\n'))
        {
            int equals = line.IndexOf('=');
            if (equals > 0)
                values[line.Substring(0, equals)] = line.Substring(equals + 1);
        }
        return values;
    }
}
