using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace ImageBackup.Session;

/// <summary>
/// The repositories that a session (runspace) has connected: its default, and those that have names. They go with the session. Call
/// it from the pipeline thread.
/// </summary>
internal static class SessionConnection
{
    private static readonly ConditionalWeakTable<Runspace, Held> s_held = new();

    private sealed class Held
    {
        public RepositoryConnection? Default { get; set; }
        public List<RepositoryConnection> Named { get; } = [];
        public List<BrowsedRepository> Browsed { get; } = [];
    }

    /// <summary>The session's default; null if none is connected.</summary>
    public static RepositoryConnection? Current => Own?.Default is { IsConnected: true } connection ? connection : null;

    /// <summary>All that are open, the default first.</summary>
    public static IReadOnlyList<RepositoryConnection> All =>
        Own is { } held ? [.. new[] { held.Default }.Concat(held.Named).OfType<RepositoryConnection>().Where(c => c.IsConnected).Distinct()] : [];

    public static RepositoryConnection? Named(string name) => All.FirstOrDefault(c => string.Equals(c.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>One that is open, or that a drive has open: the objects of a drive need no other password.</summary>
    public static RepositoryConnection? At(string location) => All.FirstOrDefault(c => c.Location == location)
        ?? Browsed.Select(browsed => browsed.Connection).FirstOrDefault(c => c.IsConnected && c.Location == location);

    /// <summary>The repositories that the session's drives show.</summary>
    public static IReadOnlyList<BrowsedRepository> Browsed => Own?.Browsed.ToArray() ?? [];

    public static void Add(BrowsedRepository browsed)
    {
        if (Runspace.DefaultRunspace is { } runspace)
            s_held.GetOrCreateValue(runspace).Browsed.Add(browsed);
    }

    public static void Remove(BrowsedRepository browsed) => Own?.Browsed.Remove(browsed);

    /// <summary>
    /// Takes a connection in. The one that had its name loses it, and a default without a name that is replaced is let go of; both stay
    /// open, because somebody may hold their objects.
    /// </summary>
    public static void Add(RepositoryConnection connection, string? name, bool isDefault)
    {
        if (Runspace.DefaultRunspace is not { } runspace)
            return;
        Held held = s_held.GetOrCreateValue(runspace);
        held.Named.RemoveAll(c => !c.IsConnected);
        if (name is not null)
        {
            if (Named(name) is { } before && !ReferenceEquals(before, connection))
            {
                before.Name = null;
                held.Named.Remove(before);
            }
            connection.Name = name;
        }
        if (connection.Name is not null && !held.Named.Contains(connection))
            held.Named.Add(connection);
        if (isDefault)
            held.Default = connection;
    }

    public static void Remove(RepositoryConnection connection)
    {
        if (Own is not { } held)
            return;
        held.Named.Remove(connection);
        if (ReferenceEquals(held.Default, connection))
            held.Default = null;
    }

    private static Held? Own => Runspace.DefaultRunspace is { } runspace && s_held.TryGetValue(runspace, out Held? held) ? held : null;
}
