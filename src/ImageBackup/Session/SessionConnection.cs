using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace ImageBackup.Session;

/// <summary>The default repository of each session (runspace); it goes with the session.</summary>
internal static class SessionConnection
{
    private static readonly ConditionalWeakTable<Runspace, RepositoryConnection> s_connections = new();

    /// <summary>The session's repository; null if none is connected. Call it from the pipeline thread.</summary>
    public static RepositoryConnection? Current
    {
        get
        {
            if (Runspace.DefaultRunspace is not { } runspace || !s_connections.TryGetValue(runspace, out RepositoryConnection? held))
                return null;
            return held.IsConnected ? held : null;
        }
        set
        {
            if (Runspace.DefaultRunspace is not { } runspace)
                return;
            s_connections.Remove(runspace);
            if (value is not null)
                s_connections.Add(runspace, value);
        }
    }
}
