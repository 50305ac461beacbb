using System;
using System.Net;
using System.Net.Sockets;

namespace ImageBackup.Engine.Platform;

/// <summary>
/// This computer's name as restic writes it: whole, while <see cref="Environment.MachineName"/> cuts it at the first dot on
/// Linux. Locks and images of both are told apart by it.
/// </summary>
internal static class LocalHost
{
    public static string Name { get; } = GetName();

    private static string GetName()
    {
        try
        {
            return Dns.GetHostName();
        }
        catch (SocketException)
        {
            return Environment.MachineName;
        }
    }
}
