using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Volumes.Windows.Native;

/// <summary>Texts that Windows writes into a buffer.</summary>
internal static class NativeText
{
    /// <summary>Long enough for any path that the volume functions give (MAX_PATH and then some).</summary>
    public const int PathChars = 1024;

    public static string Read(char[] buffer)
    {
        int end = Array.IndexOf(buffer, '\0');
        return new string(buffer, 0, end < 0 ? buffer.Length : end);
    }

    /// <summary>Texts one after another, each ending in 0, the last one in two.</summary>
    public static IReadOnlyList<string> ReadMany(char[] buffer)
    {
        var texts = new List<string>();
        for (int start = 0; start < buffer.Length && buffer[start] != '\0';)
        {
            int end = Array.IndexOf(buffer, '\0', start);
            if (end < 0)
                end = buffer.Length;
            texts.Add(new string(buffer, start, end - start));
            start = end + 1;
        }
        return texts;
    }
}
