using System;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;

namespace ImageBackup.Host;

/// <summary>
/// The newest progress record on one line of the terminal, on standard error; nothing at all if that is not
/// a terminal. A caller that writes text clears the line first.
/// </summary>
internal sealed class ProgressLine(TextWriter terminal, bool isTerminal, Func<int> width)
{
    private readonly List<ProgressRecord> _active = [];
    private bool _isDrawn;

    public void Show(ProgressRecord record)
    {
        if (!isTerminal)
            return;
        _active.RemoveAll(r => r.ActivityId == record.ActivityId);
        if (record.RecordType != ProgressRecordType.Completed)
            _active.Add(record);
        if (_active.Count == 0)
            Clear();
        else
            Draw(_active[^1]);
    }

    public void Clear()
    {
        if (!_isDrawn)
            return;
        terminal.Write("\r" + new string(' ', Math.Max(0, width() - 1)) + "\r");
        terminal.Flush();
        _isDrawn = false;
    }

    public void Forget()
    {
        Clear();
        _active.Clear();
    }

    internal static string Text(ProgressRecord record, int columns)
    {
        string percent = record.PercentComplete >= 0 ? $" {record.PercentComplete,3} %" : "";
        string left = record.SecondsRemaining >= 0
            ? $", {TimeSpan.FromSeconds(record.SecondsRemaining):h\\:mm\\:ss} left"
            : "";
        string text = $"{record.Activity}{percent}  {record.StatusDescription?.Trim()}{left}";
        int room = Math.Max(10, columns - 1);
        return text.Length > room ? text[..(room - 1)] + "…" : text.PadRight(room);
    }

    private void Draw(ProgressRecord record)
    {
        terminal.Write("\r" + Text(record, width()));
        terminal.Flush();
        _isDrawn = true;
    }
}
