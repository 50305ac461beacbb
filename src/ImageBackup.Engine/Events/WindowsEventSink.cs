using System;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Engine.Events;

/// <summary>
/// The Windows event log, Application, source ImageBackup. Anybody may write to it; only the source's registration, which gives
/// the viewer the text's form, needs an administrator (<see cref="WindowsEventSource"/>).
/// </summary>
internal sealed class WindowsEventSink : IEventSink
{
    /// <summary>A report's strings together may have 31,839 characters; the rest is cut off.</summary>
    internal const int MostChars = 31_000;

    private readonly IWindowsEventApi _api;
    private readonly object _gate = new();
    private IntPtr _log;
    private bool _isDisposed;

    public WindowsEventSink()
        : this(new WindowsEventApi())
    {
    }

    internal WindowsEventSink(IWindowsEventApi api) => _api = api;

    public string Description => $"Windows event log, Application, source {WindowsEventSource.Name}";

    public void Write(LoggedEvent happened)
    {
        ushort type = happened.Severity switch
        {
            EventSeverity.Error => WindowsEventApi.ErrorType,
            EventSeverity.Warning => WindowsEventApi.WarningType,
            _ => WindowsEventApi.InformationType,
        };
        // Further lines are indented, so that none of them passes for the lines below.
        string text = DisplayText.Lines(happened.Message);
        if (happened.ErrorId is { } id)
            text += Environment.NewLine + "Error: " + id;
        if (happened.Volume is { } volume)
            text += Environment.NewLine + "Volume: " + DisplayText.Line(volume);
        if (text.Length > MostChars)
            text = text.Substring(0, MostChars);
        try
        {
            lock (_gate)
            {
                if (_isDisposed)
                    return;
                if (_log == IntPtr.Zero)
                    _log = _api.Open(WindowsEventSource.Name);
                // The service may have been restarted meanwhile: the next event opens the log anew.
                if (_log != IntPtr.Zero && !_api.Report(_log, type, (uint)happened.Id, text))
                    Close();
            }
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or SEHException)
        {
            // No event log here: the event is dropped.
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            Close();
        }
    }

    private void Close()
    {
        if (_log != IntPtr.Zero)
            _api.Close(_log);
        _log = IntPtr.Zero;
    }
}
