using System;
using System.IO;
using System.Security.Cryptography;

namespace ImageBackup.Bench;

/// <summary>A volume in which each chunk begins with noise and goes on with zeros. Gone when it is disposed of.</summary>
internal sealed class NoiseVolume : IDisposable
{
    private readonly FileStream _file;
    private readonly int _chunkBytes;
    private readonly byte[] _noise;

    /// <param name="work">Where it goes if there is no file system in memory: a disk takes minutes to free the pieces of such a file.</param>
    /// <param name="name">Its name among the bench's volumes.</param>
    /// <param name="chunkCount">Chunks.</param>
    /// <param name="chunkBytes">The length of each.</param>
    /// <param name="noiseBytes">So much of each is noise.</param>
    public NoiseVolume(string work, string name, int chunkCount, int chunkBytes, int noiseBytes)
    {
        Path = System.IO.Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : work, $"imagebackup-bench-{Environment.ProcessId}-{name}.img");
        _file = new FileStream(Path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        _chunkBytes = chunkBytes;
        _noise = new byte[noiseBytes];
        _file.SetLength((long)chunkCount * chunkBytes);
        for (int chunk = 0; chunk < chunkCount; chunk++)
            Change(chunk);
    }

    public string Path { get; }

    /// <summary>Gives a chunk other noise.</summary>
    public void Change(int chunk)
    {
        RandomNumberGenerator.Fill(_noise);
        _file.Position = (long)chunk * _chunkBytes;
        _file.Write(_noise);
    }

    public void Dispose()
    {
        _file.Dispose();
        File.Delete(Path);
    }
}
