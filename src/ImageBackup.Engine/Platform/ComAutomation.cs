using System;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Platform;

/// <summary>
/// Late-bound COM automation objects: what both frameworks offer for them without a package of its own. Windows only; errors are
/// what COM throws (<see cref="COMException"/> and other exceptions with an HRESULT), unwrapped.
/// </summary>
internal static class ComAutomation
{
    /// <summary>Null if this system knows no such class.</summary>
    public static object? Create(string programId)
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            return null;
#pragma warning disable CA1416 // Asked above, in a way that both frameworks have.
        Type? type = Type.GetTypeFromProgID(programId);
#pragma warning restore CA1416
        return type is null ? null : Activator.CreateInstance(type);
    }

    public static object? Call(object target, string method, params object?[] arguments) => Invoke(target, method, BindingFlags.InvokeMethod, arguments);

    public static object? Get(object target, string property, params object?[] arguments) => Invoke(target, property, BindingFlags.GetProperty, arguments);

    public static void Set(object target, string property, object? value) => Invoke(target, property, BindingFlags.SetProperty, value);

    private static object? Invoke(object target, string member, BindingFlags kind, params object?[] arguments)
    {
        try
        {
            return target.GetType().InvokeMember(member, kind, null, target, arguments, CultureInfo.InvariantCulture);
        }
        catch (TargetInvocationException e) when (e.InnerException is not null)
        {
            throw e.InnerException;
        }
    }
}
