using System;

namespace ImageBackup.Engine.Events;

/// <summary>The calls of Windows' event log; a double answers in tests.</summary>
internal interface IWindowsEventApi
{
    /// <summary>Zero if it cannot be opened.</summary>
    IntPtr Open(string source);

    bool Report(IntPtr log, ushort type, uint id, string text);

    void Close(IntPtr log);
}
