using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Tests.Kits.Storage;

internal enum FileStepKind
{
    CreateDirectory,
    CreateFile,
    Append,
    Writeback,
    Flush,
    Truncate,
    Move,
    Delete,
    SyncDirectory,
}

/// <summary>One step as it was taken. <paramref name="File"/> numbers the file that is written, whatever it is called later.</summary>
internal sealed record FileStep(FileStepKind Kind, string Path, string? To = null, int File = -1, byte[]? Content = null)
{
    public override string ToString() => To is null ? $"{Kind} {Path}" : $"{Kind} {Path} to {To}";
}

/// <summary>Takes the steps without flushing anything, and keeps a record of them. Any thread.</summary>
internal sealed class RecordingFileSteps : IFileSteps
{
    private readonly List<FileStep> _steps = [];
    private int _fileCount;

    public FileStep[] Steps
    {
        get
        {
            lock (_steps)
                return [.. _steps];
        }
    }

    // One gate for the step and its record: their orders must be one.
    private void Take(FileStep step, Action action)
    {
        lock (_steps)
        {
            action();
            _steps.Add(step);
        }
    }

    public void CreateDirectory(string path)
    {
        // Parents come to be as well, each in its own parent.
        var missing = new Stack<string>();
        for (string? at = path; at is not null && !Directory.Exists(at); at = Path.GetDirectoryName(at))
            missing.Push(at);
        foreach (string directory in missing)
            Take(new FileStep(FileStepKind.CreateDirectory, directory), () => Directory.CreateDirectory(directory));
    }

    public IFileWriter CreateFile(string path)
    {
        FileStream? stream = null;
        int file;
        lock (_steps)
        {
            file = _fileCount++;
            Take(new FileStep(FileStepKind.CreateFile, path, File: file), () => stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 1));
        }
        return new Writer(this, path, file, stream!);
    }

    public void Move(string from, string to) => Take(new FileStep(FileStepKind.Move, from, to), () => File.Move(from, to));

    public void Delete(string path)
    {
        if (File.Exists(path))
            Take(new FileStep(FileStepKind.Delete, path), () => File.Delete(path));
    }

    public void SyncDirectory(string path) => Take(new FileStep(FileStepKind.SyncDirectory, path), () =>
    {
        if (!Directory.Exists(path))
            throw new IOException($"There is no directory '{path}' to flush.");
    });

    private sealed class Writer(RecordingFileSteps steps, string path, int file, FileStream stream) : IFileWriter
    {
        public void Append(byte[] buffer, int offset, int countBytes) => steps.Take(
            new FileStep(FileStepKind.Append, path, File: file, Content: buffer.AsSpan(offset, countBytes).ToArray()), () => stream.Write(buffer, offset, countBytes));

        public void BeginWriteback() => steps.Take(new FileStep(FileStepKind.Writeback, path, File: file), () => { });

        public void Flush() => steps.Take(new FileStep(FileStepKind.Flush, path, File: file), () => { });

        public void DropCache()
        {
        }

        public void Truncate() => steps.Take(new FileStep(FileStepKind.Truncate, path, File: file), () =>
        {
            if (stream.CanWrite)
                stream.SetLength(0);
        });

        public void Dispose() => stream.Dispose();
    }
}
