using System;

namespace ImageBackup.Engine.Compat;

/// <summary>Whether a buffer is all zeros, at the speed of memory.</summary>
internal static class ZeroCheck
{
    public static bool IsZero(ReadOnlySpan<byte> data) => data.IndexOfAnyExcept((byte)0) < 0;
}
