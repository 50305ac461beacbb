using System.Collections.Generic;

namespace ImageBackup.Engine.VolumeSnapshots.Wmi;

/// <summary>
/// What the providers ask of Windows' management instrumentation, in the namespace root\cimv2; a double answers in tests.
/// Contract: any thread; each call is one question and may take minutes; objects are copies.
/// </summary>
internal interface IWmi
{
    /// <summary>Null if it answers; else why it does not. Never throws.</summary>
    string? WhyNotUsable();

    /// <summary>The objects that a WQL query gives, with the properties asked for (null if an object has none).</summary>
    /// <exception cref="WmiException">It was refused.</exception>
    IReadOnlyList<IReadOnlyDictionary<string, object?>> Query(string query, params string[] properties);

    /// <summary>Calls a static method of a class.</summary>
    /// <returns>What it gave back, ReturnValue among it.</returns>
    /// <exception cref="WmiException">It was refused.</exception>
    IReadOnlyDictionary<string, object?> Call(string className, string method, IReadOnlyDictionary<string, object> arguments, params string[] results);

    /// <summary>Sets a property of the one object at a path and writes it back.</summary>
    /// <exception cref="WmiException">It was refused.</exception>
    void Set(string path, string property, object value);

    /// <summary>Deletes the object at a path (Win32_ShadowCopy.ID="{...}").</summary>
    /// <exception cref="WmiException">It was refused.</exception>
    void Delete(string path);
}
