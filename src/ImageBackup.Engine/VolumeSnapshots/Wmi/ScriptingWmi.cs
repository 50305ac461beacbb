using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Engine.VolumeSnapshots.Wmi;

/// <summary>WMI by its automation objects (wbemdisp: SWbemLocator, SWbemServices, SWbemObject).</summary>
/// <remarks>Tested with a double of <see cref="IWmi"/> only: it never ran on a real Windows. Wine has the locator and not the class.</remarks>
internal sealed class ScriptingWmi : IWmi
{
    private const string Namespace = @"root\cimv2";
    private const int NotFound = unchecked((int)0x80041002);
    private const int ImpersonateCaller = 3;

    public string? WhyNotUsable()
    {
        try
        {
            // A class that is not there is an error here: Wine, Windows PE without WMI.
            ComAutomation.Call(Connect(), "Get", "Win32_ShadowCopy");
            return null;
        }
        catch (WmiException e)
        {
            return e.Message;
        }
        catch (Exception e) when (IsRefusal(e))
        {
            return "WMI does not know Win32_ShadowCopy: " + e.Message.Trim().TrimEnd('.');
        }
    }

    public IReadOnlyList<IReadOnlyDictionary<string, object?>> Query(string query, params string[] properties) => Ask(services =>
    {
        var found = new List<IReadOnlyDictionary<string, object?>>();
        foreach (object item in (IEnumerable)ComAutomation.Call(services, "ExecQuery", query)!)
            found.Add(Values(item, properties));
        return found;
    });

    public IReadOnlyDictionary<string, object?> Call(string className, string method, IReadOnlyDictionary<string, object> arguments, params string[] results) =>
        Ask(services =>
        {
            object definition = ComAutomation.Call(services, "Get", className)!;
            object called = ComAutomation.Call(ComAutomation.Get(definition, "Methods_")!, "Item", method)!;
            object input = ComAutomation.Call(ComAutomation.Get(called, "InParameters")!, "SpawnInstance_")!;
            foreach (KeyValuePair<string, object> argument in arguments)
                ComAutomation.Set(Property(input, argument.Key), "Value", argument.Value);
            object output = ComAutomation.Call(services, "ExecMethod", className, method, input)!;
            return Values(output, results);
        });

    public void Set(string path, string property, object value) => Ask(services =>
    {
        object target = ComAutomation.Call(services, "Get", path)!;
        ComAutomation.Set(Property(target, property), "Value", value);
        return ComAutomation.Call(target, "Put_");
    });

    public void Delete(string path) => Ask(services => ComAutomation.Call(services, "Delete", path));

    private static Dictionary<string, object?> Values(object item, string[] names)
    {
        var values = new Dictionary<string, object?>(StringComparer.OrdinalIgnoreCase);
        foreach (string name in names)
        {
            // An object's own path is not a property like the others.
            values[name] = name == "__PATH"
                ? ComAutomation.Get(ComAutomation.Get(item, "Path_")!, "Path")
                : ComAutomation.Get(Property(item, name), "Value");
        }
        return values;
    }

    private static object Property(object item, string name) => ComAutomation.Call(ComAutomation.Get(item, "Properties_")!, "Item", name)!;

    private static T Ask<T>(Func<object, T> question)
    {
        object services = Connect();
        try
        {
            return question(services);
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw new WmiException(e.Message.Trim().TrimEnd('.'), e) { IsNotFound = e.HResult == NotFound };
        }
    }

    private static object Connect()
    {
        try
        {
            object locator = ComAutomation.Create("WbemScripting.SWbemLocator")
                ?? throw new WmiException("this system has no WMI");
            object services = ComAutomation.Call(locator, "ConnectServer", ".", Namespace)!;
            ComAutomation.Set(ComAutomation.Get(services, "Security_")!, "ImpersonationLevel", ImpersonateCaller);
            return services;
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw new WmiException("WMI cannot be reached: " + e.Message.Trim().TrimEnd('.'), e);
        }
    }

    private static bool IsRefusal(Exception e) =>
        e is ExternalException or UnauthorizedAccessException or InvalidCastException or ArgumentException or NotSupportedException
            or NotImplementedException or MissingMemberException or FileNotFoundException or TypeLoadException or TargetException or NullReferenceException;
}
