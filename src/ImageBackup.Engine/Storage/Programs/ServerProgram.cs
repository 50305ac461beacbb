using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.Storage.Programs;

/// <summary>A program that speaks to a server for us, over its pipes (ssh, rclone). Disposing ends it. Any thread.</summary>
internal sealed class ServerProgram : IDisposable
{
    /// <summary>So much of what it says is kept, for a failure's message.</summary>
    private const int FirstLines = 2, LastLines = 2, LineCharacters = 300;

    /// <summary>It is given so long to end by itself once its input has ended.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(500);

    private readonly ProcessTree _tree;
    private readonly List<string> _said = [];
    private readonly Task _listening;
    private int _isDisposed;

    private ServerProgram(ProcessTree tree)
    {
        _tree = tree;
        Input = tree.Process.StandardInput.BaseStream;
        Output = tree.Process.StandardOutput.BaseStream;
        StreamReader errors = tree.Process.StandardError;
        _listening = Task.Factory.StartNew(() => Listen(errors), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>What the program reads.</summary>
    public Stream Input { get; }

    /// <summary>What the program writes.</summary>
    public Stream Output { get; }

    public bool HasExited
    {
        get
        {
            try
            {
                return _tree.Process.HasExited;
            }
            catch (InvalidOperationException)
            {
                return true;
            }
        }
    }

    /// <summary>Starts it without a shell and without the repository's password.</summary>
    /// <param name="words">The program, by its name or path, and its arguments.</param>
    /// <param name="keepsStorageSecrets">It logs in with what the environment holds.</param>
    /// <param name="shown">The repository, for messages.</param>
    /// <exception cref="StorageException">NoProgram.</exception>
    public static ServerProgram Start(IReadOnlyList<string> words, bool keepsStorageSecrets, string shown)
    {
        string path = ProgramFiles.Find(words[0])
            ?? throw new StorageException(StorageProblem.NoProgram, shown, $"The search path has no program '{words[0]}'.") { IsPermanent = true };
        try
        {
            ProcessStartInfo start = ChildProcess.Prepare(path, [.. words.Skip(1)], keepsStorageSecrets);
            (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
            return new ServerProgram(ProcessTree.Start(start));
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or IOException or ArgumentException)
        {
            throw new StorageException(StorageProblem.NoProgram, shown, $"'{words[0]}' could not be started: {e.Message}", e) { IsPermanent = true };
        }
    }

    /// <summary>What it wrote to its standard error, its first and last lines, as one.</summary>
    /// <param name="isEnding">It has closed its output: its reason comes a moment later.</param>
    public string Words(bool isEnding)
    {
        if (isEnding || HasExited)
            _listening.Wait(s_patience);
        lock (_said)
            return string.Join(" / ", _said);
    }

    private void Listen(StreamReader errors)
    {
        try
        {
            while (errors.ReadLine() is { } line)
            {
                line = DisplayText.Line(line.Length > LineCharacters ? line.Substring(0, LineCharacters) : line).Trim();
                if (line.Length == 0)
                    continue;
                lock (_said)
                {
                    // The reason stands first, or last behind what a server greets with; in between is a manual page.
                    if (_said.Count == FirstLines + LastLines)
                        _said.RemoveAt(FirstLines);
                    _said.Add(line);
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // It has ended.
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        try
        {
            Input.Dispose();
        }
        catch (IOException)
        {
            // It does not read any more.
        }
        _ = _tree.WaitOrEnd(s_patience, CancellationToken.None);
        _listening.Wait(s_patience);
        _tree.Dispose();
    }
}
