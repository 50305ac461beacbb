using System;
using System.Globalization;
using System.IO;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Files;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace ImageBackup.Engine.Events;

/// <summary>
/// The error log file: warnings and errors, a line each. Serilog turns it over by size and keeps the last few; several processes
/// may write to it. It is opened with the first event, so that a run without trouble makes none.
/// </summary>
internal sealed class FileEventSink(string path) : IEventSink
{
    private const long FileSizeLimitBytes = 4 << 20;
    private const int RetainedFileCount = 5;
    private readonly object _gate = new();
    private Logger? _logger;
    private bool _isGivenUp;

    public string Description => "file " + path;

    public void Write(LoggedEvent happened)
    {
        if (happened.Severity == EventSeverity.Information)
            return;
        lock (_gate)
        {
            _logger ??= _isGivenUp ? null : Open();
            if (_logger is null)
                return;
            _logger.Write(happened.Severity == EventSeverity.Error ? LogEventLevel.Error : LogEventLevel.Warning, "{Line:l}", Line(happened));
            MakePrivate();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _logger?.Dispose();
            _logger = null;
            _isGivenUp = true;
        }
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

    private Logger? Open()
    {
        try
        {
            DurableFiles.CreatePrivateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            // Messages name volumes, users and commands. Serilog has no say in the mode of what it makes, so the first file is made here.
            // A pipe in its place would block a thread that reports an error.
            if (File.Exists(path))
                RegularFile.OpenRead(path, followsLink: true).Dispose();
            else
                DurableFiles.CreatePrivateFile(path, 1).Dispose();
            return new LoggerConfiguration().MinimumLevel.Information()
                .WriteTo.File(path, outputTemplate: "{Message:l}{NewLine}", formatProvider: CultureInfo.InvariantCulture, shared: true,
                    fileSizeLimitBytes: FileSizeLimitBytes, rollOnFileSizeLimit: true, retainedFileCountLimit: RetainedFileCount)
                .CreateLogger();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            _isGivenUp = true;
            return null;
        }
    }

    /// <summary>The log, and those that it was turned over to, are their owner's alone, whatever the umask was.</summary>
    private void MakePrivate()
    {
        string full = Path.GetFullPath(path);
        try
        {
            foreach (string file in Directory.GetFiles(Path.GetDirectoryName(full)!, Path.GetFileNameWithoutExtension(full) + "*" + Path.GetExtension(full)))
            {
                if (FileModes.Of(file) is { } mode && mode != FileModes.OwnerOnly)
                    FileModes.Set(file, FileModes.OwnerOnly);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else's file beside ours, or one that was turned over and removed meanwhile.
        }
    }
}
