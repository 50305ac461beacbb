using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;

namespace ImageBackup.Engine.Jobs;

/// <summary>
/// A list that is a list to whoever enumerates it (JSON, a view) and its elements, joined by "; ", to whoever wants one
/// text: Export-Csv would otherwise write the name of the type.
/// </summary>
public sealed class JoinedList<T> : IReadOnlyList<T>
{
    private readonly IReadOnlyList<T> _items;

    internal JoinedList(IReadOnlyList<T> items) => _items = items;

    public int Count => _items.Count;

    public T this[int index] => _items[index];

    public IEnumerator<T> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _items.GetEnumerator();

    public override string ToString() => string.Join("; ", _items.Select(i => i?.ToString() ?? ""));
}

internal static class JoinedList
{
    public static IReadOnlyList<T> Of<T>(IReadOnlyList<T> items) => items is null ? Array.Empty<T>() : items as JoinedList<T> ?? new JoinedList<T>(items);
}
