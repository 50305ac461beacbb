using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>One process as /proc shows it. Layouts: proc_pid_stat(5), proc_pid_environ(5).</summary>
/// <param name="Id">Its number.</param>
/// <param name="State">R, S, D, T, Z and so on.</param>
/// <param name="ParentId">Its parent's number.</param>
/// <param name="SessionId">The session that it belongs to.</param>
/// <param name="StartTicks">When it began, in clock ticks since the machine started: with the number it is unique.</param>
internal readonly record struct LinuxProcess(int Id, char State, int ParentId, int SessionId, long StartTicks)
{
    private const string Proc = "/proc";

    // After the program's name, which may hold anything.
    private const int StateField = 0, ParentField = 1, SessionField = 3, StartField = 19;

    /// <summary>It has ended; its parent has not asked how.</summary>
    public bool IsZombie => State is 'Z' or 'X';

    /// <summary>This process; null if /proc is not mounted.</summary>
    public static LinuxProcess? Current => TryReadEntry("self");

    /// <summary>Null if there is no such process.</summary>
    public static LinuxProcess? TryRead(int id) => TryReadEntry(id.ToString(CultureInfo.InvariantCulture));

    /// <summary>All processes that can be seen. Never throws.</summary>
    public static IReadOnlyList<LinuxProcess> All()
    {
        var found = new List<LinuxProcess>();
        try
        {
            foreach (string path in Directory.EnumerateDirectories(Proc))
            {
                if (int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out int id) && TryRead(id) is { } process)
                    found.Add(process);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The processes seen until now are the answer.
        }
        return found;
    }

    /// <summary>Whether its environment holds this, NAME=value. False if that may not be read.</summary>
    public bool HasVariable(string variable)
    {
        string environment = TryReadText(Path.Combine(Proc, Id.ToString(CultureInfo.InvariantCulture), "environ")) ?? "";
        return Array.IndexOf(environment.Split('\0'), variable) >= 0;
    }

    /// <summary>Reads the line of /proc/PID/stat; null if it is not of that form.</summary>
    internal static LinuxProcess? Parse(string stat)
    {
        int open = stat.IndexOf('('), close = stat.LastIndexOf(')');
        if (open < 0 || close < open)
            return null;
        string[] fields = stat.Substring(close + 1).Trim().Split(' ');
        return fields.Length > StartField && fields[StateField].Length == 1
            && TryNumber(stat.Substring(0, open).Trim(), out long id) && TryNumber(fields[ParentField], out long parent)
            && TryNumber(fields[SessionField], out long session) && TryNumber(fields[StartField], out long start)
            && id <= int.MaxValue && parent <= int.MaxValue && session <= int.MaxValue
                ? new LinuxProcess((int)id, fields[StateField][0], (int)parent, (int)session, start)
                : null;
    }

    private static bool TryNumber(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static LinuxProcess? TryReadEntry(string entry) => TryReadText(Path.Combine(Proc, entry, "stat")) is { } stat ? Parse(stat) : null;

    private static string? TryReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
