using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;

namespace ImageBackup.Binding;

/// <summary>Reads properties of whatever came down the pipeline: CIM instances, deserialised objects, hashtables.</summary>
internal static class InputProperties
{
    /// <summary>The text of a property; null where it is absent, empty or a NUL character.</summary>
    public static string? Text(PSObject value, string name) => Value(value, name) switch
    {
        null => null,
        char letter => letter == '\0' ? null : letter.ToString(),
        string text => text.Trim('\0', ' ') is { Length: > 0 } trimmed ? trimmed : null,
        _ => null,
    };

    public static bool Has(PSObject value, string name) =>
        value.BaseObject is IDictionary dictionary ? dictionary.Contains(name) : value.Properties[name] is not null;

    /// <summary>The elements of a property that holds a list; none where it is absent.</summary>
    public static IEnumerable<object> Items(PSObject value, string name)
    {
        if (Value(value, name) is not { } held)
            yield break;
        if (held is string or not IEnumerable)
        {
            yield return held;
            yield break;
        }
        foreach (object? item in (IEnumerable)held)
        {
            if (item is not null)
                yield return item;
        }
    }

    private static object? Value(PSObject value, string name)
    {
        try
        {
            object? held = value.BaseObject is IDictionary dictionary ? dictionary[name] : value.Properties[name]?.Value;
            return held is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : held;
        }
        catch (GetValueException)
        {
            // A property that throws names nothing.
            return null;
        }
    }
}
