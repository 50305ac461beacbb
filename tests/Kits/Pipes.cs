using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using Xunit;

namespace ImageBackup.Tests.Kits;

/// <summary>Things that lie in a file's place and hold up the program that opens them.</summary>
internal static class Pipes
{
    /// <summary>A pipe that nobody writes to.</summary>
    public static string Make(string path)
    {
        Assert.True(mkfifo(Encoding.UTF8.GetBytes(path + "\0"), 0x180) == 0, $"mkfifo {path}: errno {Marshal.GetLastWin32Error()}");
        return path;
    }

    /// <summary>A link to such a pipe, in the place of what is there.</summary>
    public static void LinkInPlace(string path, string pipe)
    {
        if (!File.Exists(pipe))
            Make(pipe);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Delete(path);
        File.CreateSymbolicLink(path, pipe);
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int mkfifo(byte[] path, uint mode);
}
