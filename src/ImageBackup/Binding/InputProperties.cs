using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;

namespace ImageBackup.Binding;

/// <summary>Reads properties of pipeline objects: CIM instances, deserialised objects, hashtables.</summary>
internal static class InputProperties
{
    /// <summary>lsblk nests disk, partition, crypt, LV, ...; nothing real comes near this.</summary>
    private const int MaxDepth = 32;

    /// <summary>What PowerShell wrapped; an object that is nothing but its properties stays as it is.</summary>
    [return: NotNullIfNotNull(nameof(value))]
    public static object? Bare(object? value) => value is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : value;

    /// <summary>A value out of lists in lists, bare; false if there is no value, or the nesting is too deep.</summary>
    public static bool TryBare(object? value, int depth, [NotNullWhen(true)] out object? bare)
    {
        bare = Bare(value);
        return bare is not null && depth <= MaxDepth;
    }

    /// <summary>The text that a value is, "" if it is blank; null if it is none. A name may begin and end in blanks.</summary>
    public static string? TextOf(object bare) => bare switch
    {
        string text => text.Trim().Length == 0 ? "" : text,
        char letter => letter.ToString(),
        _ => null,
    };

    /// <summary>The text of a property; null if it is absent, blank or a NUL character.</summary>
    public static string? Text(PSObject value, string name) => Value(value, name) switch
    {
        null => null,
        char letter => letter == '\0' ? null : letter.ToString(),
        string text => text.Trim('\0') is var whole && whole.Trim().Length > 0 ? whole : null,
        _ => null,
    };

    public static bool Has(PSObject value, string name) =>
        value.BaseObject is IDictionary dictionary ? dictionary.Contains(name) : value.Properties[name] is not null;

    /// <summary>The elements of a property that holds a list; none if it is absent.</summary>
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

    private static object? Value(PSObject value, string name) => Bare(Raw(value, name));

    /// <summary>A property's value as PowerShell holds it; null if it is absent or throws.</summary>
    public static object? Raw(PSObject value, string name)
    {
        try
        {
            return value.BaseObject is IDictionary dictionary ? dictionary[name] : value.Properties[name]?.Value;
        }
        catch (GetValueException)
        {
            // A property that throws names nothing.
            return null;
        }
    }
}
