using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Events;

/// <summary>
/// The error log file: warnings and errors, a line each. A full file is followed by the next (error.log, error_001.log ...), and the
/// last few are kept. Several processes may write to it. The first event makes it, so that a run without trouble makes none.
/// </summary>
internal sealed class FileEventSink(string path) : IEventSink
{
    private const long FileSizeLimitBytes = 4 << 20;
    private const int RetainedFileCount = 5;
    private readonly object _gate = new();
    private bool _isDisposed;

    public string Description => "file " + path;

    public void Write(LoggedEvent happened)
    {
        if (happened.Severity == EventSeverity.Information)
            return;
        lock (_gate)
        {
            if (_isDisposed)
                return;
            try
            {
                Append(Encoding.UTF8.GetBytes(Line(happened) + Environment.NewLine));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
            {
                // What cannot be written is dropped.
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
            _isDisposed = true;
    }

    /// <summary>
    /// Time, severity, number, name, volume, error id, message; further lines are indented. Nothing that is in a
    /// name begins a line or steers the terminal on which the log is read.
    /// </summary>
    internal static string Line(LoggedEvent happened)
    {
        string message = DisplayText.Lines(happened.Message.TrimEnd());
        string about = happened.Volume is { } volume ? $" [{DisplayText.Line(volume)}]" : "";
        string error = happened.ErrorId is { } id ? $" {id}:" : "";
        return string.Format(CultureInfo.InvariantCulture, "{0:yyyy-MM-ddTHH:mm:ss.fffzzz} {1} {2} {3}{4}{5} {6}",
            happened.Time, happened.Severity == EventSeverity.Error ? "ERROR" : "WARN ", (int)happened.Id, happened.Id, about, error, message);
    }

    private void Append(byte[] line)
    {
        string first = Path.GetFullPath(path);
        DurableFiles.CreatePrivateDirectory(Path.GetDirectoryName(first)!);
        // Another process may be at the same file, and both would turn it over.
        using IDisposable? alone = FileModes.TryLock(first + ".lock");
        if (alone is null)
            return;
        List<(int Number, string Path)> files = Files(first);
        (int number, string current) = files.Count > 0 ? files[files.Count - 1] : (0, first);
        if (files.Count > 0 && new FileInfo(current).Length >= FileSizeLimitBytes)
        {
            number++;
            current = Name(first, number);
            files.Add((number, current));
        }
        using (FileStream stream = Open(current))
            stream.Write(line, 0, line.Length);
        foreach ((_, string old) in files.Take(files.Count - RetainedFileCount))
            File.Delete(old);
    }

    /// <summary>Messages name volumes, users and commands, so the file is its owner's alone, whatever the umask is.</summary>
    private static FileStream Open(string file)
    {
        if (!File.Exists(file))
            return DurableFiles.CreatePrivateFile(file, 0);
        // A pipe in its place would block a thread that reports an error.
        RegularFile.OpenRead(file, followsLink: true).Dispose();
        if (FileModes.Of(file) is { } mode && mode != FileModes.OwnerOnly)
            FileModes.Set(file, FileModes.OwnerOnly);
        return new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 1);
    }

    /// <summary>The log's files, the oldest first.</summary>
    private static List<(int Number, string Path)> Files(string first)
    {
        var files = new List<(int Number, string Path)>();
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(first)!, Path.GetFileNameWithoutExtension(first) + "*" + Path.GetExtension(first)))
        {
            string tail = Path.GetFileNameWithoutExtension(file).Substring(Path.GetFileNameWithoutExtension(first).Length);
            int number = 0;
            if (tail.Length == 0 || (tail[0] == '_' && int.TryParse(tail.Substring(1), NumberStyles.None, CultureInfo.InvariantCulture, out number)))
                files.Add((number, file));
        }
        files.Sort();
        return files;
    }

    private static string Name(string first, int number) => Path.Combine(
        Path.GetDirectoryName(first)!,
        string.Format(CultureInfo.InvariantCulture, "{0}_{1:000}{2}", Path.GetFileNameWithoutExtension(first), number, Path.GetExtension(first)));
}
