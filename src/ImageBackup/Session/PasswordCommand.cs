using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Session;

/// <summary>
/// Runs the program that prints the password: without a shell, split into words as restic splits them, bounded in
/// time and output. What it prints never gets into an error.
/// </summary>
internal static class PasswordCommand
{
    /// <exception cref="ImageBackupException">PasswordMissing: it failed, ran too long or printed too much.</exception>
    public static byte[] Run(string commandLine, TimeSpan timeLimit, int maxOutputBytes, CancellationToken cancellation)
    {
        IReadOnlyList<string> words = Split(commandLine);
        if (words.Count == 0)
            throw Failed("is empty");

        // Bare names are looked for in the search path alone: the current directory may be anybody's.
        string program = ProgramFiles.Find(words[0])
            ?? throw Failed($"could not be started: the search path has no program '{words[0]}'");
        ProcessTree tree;
        try
        {
            ProcessStartInfo start = ChildProcess.Prepare(program, [.. words.Skip(1)], keepsStorageSecrets: true);
            start.RedirectStandardOutput = true;
            tree = ProcessTree.Start(start);
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or IOException or ArgumentException)
        {
            throw Failed($"could not be started: {e.Message}", e);
        }

        using ProcessTree running = tree;
        Process process = running.Process;
        bool hasEnded = false;
        try
        {
            Stream output = process.StandardOutput.BaseStream;
            Task<byte[]?> reading = Task.Run(() => ReadAll(output, maxOutputBytes), CancellationToken.None);
            bool inTime = reading.Wait((int)timeLimit.TotalMilliseconds, cancellation);
            if (!inTime || !process.WaitForExit((int)timeLimit.TotalMilliseconds))
                throw Failed($"did not end within {timeLimit.TotalSeconds:0} s");
            hasEnded = true;
            byte[] password = reading.Result ?? throw Failed($"printed more than {maxOutputBytes} bytes");
            if (process.ExitCode != 0)
            {
                Array.Clear(password, 0, password.Length);
                throw Failed($"ended with exit code {process.ExitCode}");
            }
            return password;
        }
        finally
        {
            // With all that it started: a program that asks somebody may wait for ever.
            if (!hasEnded)
                running.End();
        }
    }

    /// <summary>As restic splits it.</summary>
    public static IReadOnlyList<string> Split(string commandLine)
    {
        try
        {
            return CommandWords.Split(commandLine);
        }
        catch (FormatException e)
        {
            throw Failed(e.Message, e);
        }
    }

    private static byte[]? ReadAll(Stream output, int maxBytes)
    {
        var buffer = new byte[maxBytes + 1];
        int length = 0;
        for (int read; length < buffer.Length && (read = output.Read(buffer, length, buffer.Length - length)) > 0;)
            length += read;
        byte[]? all = null;
        if (length <= maxBytes)
        {
            all = new byte[length];
            Array.Copy(buffer, all, length);
        }
        Array.Clear(buffer, 0, buffer.Length);
        return all;
    }

    private static ImageBackupException Failed(string what, Exception? inner = null) => new(
        ErrorId.PasswordMissing, $"The command of {PasswordSource.CommandVariable} {what}.", PasswordSource.CommandVariable, inner);
}
