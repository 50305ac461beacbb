using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Images.Format;

/// <summary>
/// The fields of a JSON object, one after another, in one direction: a writer writes each value and gives it back, a reader gives
/// what it reads. So one list of calls is the format, for both directions. A field that may be missing is absent rather than null.
/// </summary>
/// <remarks>What cannot be read, or must be there and is not, throws what <see cref="Repository.Files.JsonText.IsBadJson"/> knows.</remarks>
internal abstract class JsonFields
{
    public abstract string NeededText(string name, string? value);

    public abstract int NeededInt(string name, int? value);

    public abstract long NeededLong(string name, long? value);

    public abstract DateTimeOffset NeededTime(string name, DateTimeOffset? value);

    /// <param name="name">The field's name.</param>
    /// <param name="value">What is written.</param>
    /// <param name="formerName">What an earlier version called it: read, never written.</param>
    public abstract string? Text(string name, string? value, string? formerName = null);

    public abstract int? Int(string name, int? value);

    public abstract long? Long(string name, long? value);

    public abstract DateTimeOffset? Time(string name, DateTimeOffset? value);

    /// <summary>Always written; false if it is missing.</summary>
    public abstract bool Flag(string name, bool value);

    public abstract bool? OptionalFlag(string name, bool? value);

    /// <summary>An enumeration's value, by its name.</summary>
    public abstract object? Named(string name, Enum? value, Type type);

    /// <summary>A retention limit: a number, or "NoLimit".</summary>
    public abstract RetentionLimit Limit(string name, RetentionLimit value);

    /// <summary>A retention limit that need not be there.</summary>
    public abstract RetentionLimit? OptionalLimit(string name, RetentionLimit? value);

    /// <summary>Not written if it is empty; empty if it is missing.</summary>
    public abstract IReadOnlyList<string> OptionalTexts(string name, IReadOnlyList<string>? values);

    public abstract IReadOnlyList<string> Texts(string name, IReadOnlyList<string>? values);

    /// <summary>Always written; empty if it is missing.</summary>
    /// <param name="name">The field's name.</param>
    /// <param name="items">What is written.</param>
    /// <param name="fields">The fields of an item.</param>
    /// <param name="formerName">What an earlier version called it: read, never written.</param>
    public abstract IReadOnlyList<T> List<T>(string name, IReadOnlyList<T>? items, Func<JsonFields, T?, T> fields, string? formerName = null);

    /// <param name="name">The field's name.</param>
    /// <param name="value">What is written.</param>
    /// <param name="fields">The fields of the object; null: it says nothing that this version knows.</param>
    public abstract T? Object<T>(string name, T? value, Func<JsonFields, T?, T?> fields)
        where T : class;
}
