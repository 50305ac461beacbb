using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>
/// A list that is a list to a caller that enumerates it (JSON, a view) and its elements, joined by "; ", to a caller that wants one
/// text: Export-Csv would otherwise write the name of the type. Two are equal when their elements are.
/// </summary>
internal sealed class JoinedList<T> : IReadOnlyList<T>, IEquatable<JoinedList<T>>
{
    internal static readonly JoinedList<T> Empty = new(Array.Empty<T>());

    private readonly IReadOnlyList<T> _items;

    internal JoinedList(IReadOnlyList<T> items) => _items = items;

    public int Count => _items.Count;

    public T this[int index] => _items[index];

    public IEnumerator<T> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _items.GetEnumerator();

    public bool Equals(JoinedList<T>? other) => other is not null && _items.SequenceEqual(other._items);

    public override bool Equals(object? obj) => Equals(obj as JoinedList<T>);

    public override int GetHashCode() => Count == 0 ? 0 : Count * 397 ^ (_items[0]?.GetHashCode() ?? 0);

    public override string ToString() => string.Join("; ", _items.Select(i => DisplayText.Line(i?.ToString())));
}

internal static class JoinedList
{
    public static IReadOnlyList<T> Of<T>(IReadOnlyList<T> items) => items as JoinedList<T> ?? (items is null or { Count: 0 } ? JoinedList<T>.Empty : new JoinedList<T>(items));
}
