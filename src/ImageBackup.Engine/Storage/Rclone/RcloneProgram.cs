using System.Collections.Generic;
using System.IO;
using ImageBackup.Engine.Storage.Programs;

namespace ImageBackup.Engine.Storage.Rclone;

/// <summary>Starts rclone for each connection: one, and another if it has ended. Any thread.</summary>
internal sealed class RcloneProgram(IReadOnlyList<string> words, string shown)
{
    private volatile ServerProgram? _last;

    /// <exception cref="StorageException">NoProgram.</exception>
    public Stream Connect()
    {
        ServerProgram program = ServerProgram.Start(words, keepsStorageSecrets: true, shown);
        _last = program;
        return new ProgramStream(program);
    }

    /// <summary>A connection that broke because rclone ended: what rclone said is the reason.</summary>
    public StorageException Explain(StorageException failure)
    {
        for (System.Exception? at = failure; at is not null; at = at.InnerException)
        {
            if (at is StorageException { Problem: StorageProblem.NoProgram } told)
                return told;
        }
        if (_last is not { HasExited: true } program)
            return failure;
        string said = program.Words(isEnding: true);
        return new StorageException(StorageProblem.Unreachable, shown, said.Length > 0 ? $"rclone has ended: {said}" : "rclone has ended without a word.", failure);
    }
}
