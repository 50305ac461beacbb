using System;
using System.Buffers.Binary;
using System.IO;
using System.Security.Cryptography;
using System.Threading;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>
/// Appends checksummed records to a file, each made durable before the next, and makes and deletes small files between them, until
/// it is told to end.
/// </summary>
internal sealed class RecordWriter : IDisposable
{
    private const int RecordBytes = 4096;
    private const int HashBytes = 32;
    private readonly Thread _thread;
    private readonly string _directory;
    private volatile bool _isStopping;
    private long _written;

    public RecordWriter(string directory)
    {
        _directory = directory;
        _thread = new Thread(Write) { IsBackground = true };
        _thread.Start();
    }

    public Exception? Failure { get; private set; }
    public long Written => Interlocked.Read(ref _written);

    /// <summary>Waits until some more records are durable.</summary>
    public void WaitFor(int more)
    {
        long target = Written + more;
        while (Written < target)
        {
            if (Failure is not null)
                throw new InvalidOperationException("The writer failed.", Failure);
            Thread.Sleep(20);
        }
    }

    public void Dispose()
    {
        _isStopping = true;
        _thread.Join();
    }

    /// <summary>The number of records in a copy; throws if one of them, but for the end of a torn last one, is not what was written.</summary>
    public static long Check(string directory)
    {
        byte[] bytes = File.ReadAllBytes(Path.Combine(directory, "records"));
        long count = bytes.Length / RecordBytes;
        for (long i = 0; i < count; i++)
        {
            Span<byte> record = bytes.AsSpan((int)(i * RecordBytes), RecordBytes);
            Expect.Equal(i, BinaryPrimitives.ReadInt64LittleEndian(record), "A record's number");
            Expect.True(SHA256.HashData(record[..^HashBytes]).AsSpan().SequenceEqual(record[^HashBytes..]), $"The record {i} does not match its checksum.");
        }
        return count;
    }

    private void Write()
    {
        try
        {
            using FileStream file = new(Path.Combine(_directory, "records"), FileMode.Create, FileAccess.Write, FileShare.Read, 0);
            byte[] record = new byte[RecordBytes];
            while (!_isStopping)
            {
                long number = Written;
                new Random((int)number).NextBytes(record);
                BinaryPrimitives.WriteInt64LittleEndian(record, number);
                SHA256.HashData(record.AsSpan(0, RecordBytes - HashBytes), record.AsSpan(RecordBytes - HashBytes));
                file.Write(record);
                file.Flush(flushToDisk: true);
                Interlocked.Increment(ref _written);
                string small = Path.Combine(_directory, "small" + (number % 50));
                File.WriteAllBytes(small, record.AsSpan(0, (int)(number * 37 % RecordBytes)));
                if (number % 3 == 0)
                    File.Delete(small);
            }
        }
        catch (Exception e)
        {
            Failure = e;
        }
    }
}
