using System;
using System.IO;
using System.Security.Cryptography;

namespace ImageBackup.Bench;

/// <summary>A volume in which each chunk begins with noise and goes on with zeros. Gone when it is disposed of.</summary>
internal sealed class NoiseVolume : IDisposable
{
    private readonly int _chunkCount, _chunkBytes;
    private readonly byte[] _noise;

    /// <param name="work">Where it goes if there is no file system in memory: a disk takes minutes to free the pieces of such a file.</param>
    /// <param name="name">Its name among the bench's volumes.</param>
    /// <param name="chunkCount">Chunks.</param>
    /// <param name="chunkBytes">The length of each.</param>
    /// <param name="noiseBytes">So much of each is noise.</param>
    public NoiseVolume(string work, string name, int chunkCount, int chunkBytes, int noiseBytes)
    {
        Path = System.IO.Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : work, $"imagebackup-bench-{Environment.ProcessId}-{name}.img");
        (_chunkCount, _chunkBytes, _noise) = (chunkCount, chunkBytes, new byte[noiseBytes]);
        Change(every: 1);
    }

    public string Path { get; }

    /// <summary>Gives every chunk of so many other noise. The file is open no longer than this: a volume in use is not backed up.</summary>
    public void Change(int every)
    {
        using var file = new FileStream(Path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 0);
        file.SetLength((long)_chunkCount * _chunkBytes);
        for (int chunk = 0; chunk < _chunkCount; chunk += every)
        {
            RandomNumberGenerator.Fill(_noise);
            file.Position = (long)chunk * _chunkBytes;
            file.Write(_noise);
        }
    }

    public void Dispose() => File.Delete(Path);
}
