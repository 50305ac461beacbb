using System;
using System.Collections.Generic;
using System.IO;
using System.Management;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.VolumeSnapshots.Wmi;

/// <summary>
/// WMI by System.Management, which the PowerShell that loads the module brings: the .NET Framework's in Windows PowerShell, its own in
/// PowerShell 7. The module ships none.
/// </summary>
/// <remarks>Tested with a double of <see cref="IWmi"/> only: it never ran on a real Windows.</remarks>
internal sealed class ManagementWmi : IWmi
{
    private const string Namespace = @"\\.\root\cimv2";

    public string? WhyNotUsable()
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            return "this system has no WMI";
        try
        {
            // Wine and Windows PE may have WMI and not the class.
            Ask(() => GetClass("Win32_ShadowCopy"));
            return null;
        }
        catch (WmiException e)
        {
            return "WMI does not know Win32_ShadowCopy: " + e.Message;
        }
    }

#pragma warning disable CA1416 // Nothing below is called before the system was asked; elsewhere it throws what Ask understands.
    public IReadOnlyList<IReadOnlyDictionary<string, object?>> Query(string query, params string[] properties) => Ask(() =>
    {
        var found = new List<IReadOnlyDictionary<string, object?>>();
        using var searcher = new ManagementObjectSearcher(Connect(), new ObjectQuery(query));
        using ManagementObjectCollection items = searcher.Get();
        foreach (ManagementBaseObject item in items)
        {
            using (item)
                found.Add(Values(item, properties));
        }
        return found;
    });

    public IReadOnlyDictionary<string, object?> Call(string className, string method, IReadOnlyDictionary<string, object> arguments, params string[] results) => Ask(() =>
    {
        using ManagementClass definition = GetClass(className);
        using ManagementBaseObject input = definition.GetMethodParameters(method);
        foreach (KeyValuePair<string, object> argument in arguments)
            input[argument.Key] = argument.Value;
        using ManagementBaseObject output = definition.InvokeMethod(method, input, new InvokeMethodOptions());
        return Values(output, results);
    });

    public void Set(string path, string property, object value) => Ask(() =>
    {
        using ManagementObject target = GetObject(path);
        target[property] = value;
        return target.Put();
    });

    public void Delete(string path) => Ask(() =>
    {
        using ManagementObject target = GetObject(path);
        target.Delete();
        return true;
    });

    /// <summary>The object's own path, __PATH, is a property like the others.</summary>
    private static Dictionary<string, object?> Values(ManagementBaseObject item, string[] names)
    {
        var values = new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase);
        foreach (string name in names)
            values[name] = item[name];
        return values;
    }

    private static ManagementClass GetClass(string name)
    {
        var definition = new ManagementClass(Connect(), new ManagementPath(name), null);
        definition.Get();
        return definition;
    }

    private static ManagementObject GetObject(string path)
    {
        var target = new ManagementObject(Connect(), new ManagementPath(path), null);
        target.Get();
        return target;
    }

    private static ManagementScope Connect()
    {
        var scope = new ManagementScope(Namespace, new ConnectionOptions { Impersonation = ImpersonationLevel.Impersonate });
        scope.Connect();
        return scope;
    }

    private static T Ask<T>(Func<T> question)
    {
        try
        {
            return question();
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw new WmiException(e.Message.Trim().TrimEnd('.'), e) { IsNotFound = IsNotFound(e) };
        }
    }

    /// <summary>Of a method of its own: if System.Management is missing, only the method that names it fails.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsNotFoundStatus(Exception e) => e is ManagementException { ErrorCode: ManagementStatus.NotFound };
#pragma warning restore CA1416

    private static bool IsNotFound(Exception e)
    {
        try
        {
            return IsNotFoundStatus(e);
        }
        catch (Exception missing) when (missing is FileNotFoundException or TypeLoadException)
        {
            return false;
        }
    }

    /// <summary>WMI's own refusals, COM's, and that there is no WMI or no System.Management.</summary>
    private static bool IsRefusal(Exception e) => e is ExternalException or UnauthorizedAccessException or ArgumentException or NotSupportedException
        or InvalidOperationException or TypeInitializationException or TypeLoadException or FileNotFoundException or FileLoadException
        || e.GetType().FullName == "System.Management.ManagementException";
}
