using System;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.Events;

/// <summary>
/// The system's log on Linux: a datagram to /dev/log, which is journald's on systemd machines and the syslog daemon's on others.
/// Form: RFC 3164, facility daemon, the event's number and name before the message. If nobody listens, nothing is logged.
/// </summary>
internal sealed class SyslogSink(string socketPath = SyslogSink.DefaultPath) : IEventSink
{
    public const string DefaultPath = "/dev/log";
    private const int FacilityDaemon = 3;
    private const int MaxMessageBytes = 8 << 10;
    private const int PathBytes = 108;
    private const int AddressFamilyUnix = 1;
    private const int DatagramNonBlockingCloseOnExec = 2 | 0x800 | 0x80000;
    private const int NoSignal = 0x4000;

    public string Description => "syslog " + socketPath;

    public void Write(LoggedEvent happened)
    {
        if (!File.Exists(socketPath) || Address() is not { } address)
            return;
        byte[] message = Encoding.UTF8.GetBytes(Text(happened));
        int descriptor = socket(AddressFamilyUnix, DatagramNonBlockingCloseOnExec, 0);
        if (descriptor < 0)
            return;
        _ = sendto(descriptor, message, (UIntPtr)Math.Min(message.Length, MaxMessageBytes), NoSignal, address, (uint)address.Length);
        _ = close(descriptor);
    }

    public void Dispose()
    {
    }

    internal static string Text(LoggedEvent happened)
    {
        int severity = happened.Severity switch { EventSeverity.Error => 3, EventSeverity.Warning => 4, _ => 6 };
        string day = happened.Time.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2);
        string time = happened.Time.ToString("MMM ", CultureInfo.InvariantCulture) + day + happened.Time.ToString(" HH:mm:ss", CultureInfo.InvariantCulture);
        // One record is one line, and nothing in it steers the terminal on which it is read.
        string message = DisplayText.Line(happened.Message.Replace("\r\n", "\n").TrimEnd().Replace("\n", " | "));
        return string.Format(CultureInfo.InvariantCulture, "<{0}>{1} imagebackup[{2}]: {3} {4}{5}: {6}",
            (FacilityDaemon * 8) + severity, time, RunningProcess.CurrentId, (int)happened.Id, happened.Id,
            happened.ErrorId is { } error ? $" ({error})" : "", message);
    }

    /// <summary>struct sockaddr_un; null if the path is too long for one.</summary>
    private byte[]? Address()
    {
        byte[] path = Encoding.UTF8.GetBytes(socketPath);
        if (path.Length >= PathBytes)
            return null;
        byte[] address = new byte[2 + PathBytes];
        address[BitConverter.IsLittleEndian ? 0 : 1] = AddressFamilyUnix;
        path.CopyTo(address, 2);
        return address;
    }

#pragma warning disable IDE1006 // The names are libc's.
    [DllImport("libc", SetLastError = true)]
    private static extern int socket(int domain, int type, int protocol);

    [DllImport("libc", SetLastError = true)]
    private static extern IntPtr sendto(int descriptor, byte[] message, UIntPtr length, int flags, byte[] address, uint addressLength);

    [DllImport("libc", SetLastError = true)]
    private static extern int close(int descriptor);
#pragma warning restore IDE1006
}
