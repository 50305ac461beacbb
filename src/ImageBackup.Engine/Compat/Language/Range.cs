// The types behind x[^1] and x[a..b], which the .NET Framework's class library has not. The compiler itself works out most of it.
namespace System;

/// <summary>A place in a sequence, counted from its start or from its end.</summary>
internal readonly struct Index(int value, bool fromEnd = false)
{
    public static Index Start => new(0);
    public static Index End => new(0, fromEnd: true);

    public int Value { get; } = value;
    public bool IsFromEnd { get; } = fromEnd;

    public int GetOffset(int length) => IsFromEnd ? length - Value : Value;

    public static implicit operator Index(int value) => new(value);
}

/// <summary>From one place to before another.</summary>
internal readonly struct Range(Index start, Index end)
{
    public static Range All => new(Index.Start, Index.End);

    public Index Start { get; } = start;
    public Index End { get; } = end;

    public static Range StartAt(Index start) => new(start, Index.End);

    public static Range EndAt(Index end) => new(Index.Start, end);
}
