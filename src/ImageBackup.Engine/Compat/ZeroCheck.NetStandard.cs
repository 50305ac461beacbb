using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Compat;

/// <summary>Whether a buffer is all zeros, at the speed of memory.</summary>
internal static class ZeroCheck
{
    public static bool IsZero(ReadOnlySpan<byte> data)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(data);
        foreach (ulong word in words)
        {
            if (word != 0)
                return false;
        }
        foreach (byte b in data.Slice(words.Length * sizeof(ulong)))
        {
            if (b != 0)
                return false;
        }
        return true;
    }
}
