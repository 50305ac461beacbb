using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace ImageBackup.Engine.Storage.Sftp;

/// <summary>Whole operations on files over one connection, with as few round trips as the protocol allows. One thread at a time.</summary>
/// <remarks>A refusal is an <see cref="SftpRefusal"/>, a broken connection a <see cref="StorageException"/>.</remarks>
internal static class SftpFiles
{
    /// <summary>So much is asked for or sent before the first answer is waited for: 4 MiB are 1 Gbit/s at 32 ms.</summary>
    private const int WindowBytes = 4 << 20;

    /// <summary>Null: it is not there.</summary>
    public static SftpAttributes? Find(SftpConnection connection, string path, CancellationToken cancellation)
    {
        try
        {
            return connection.Call(new SftpRequest(SftpNumbers.Lstat).Text(path), cancellation).Attributes();
        }
        catch (SftpRefusal e) when (e.Code == SftpNumbers.NoSuchFile)
        {
            return null;
        }
    }

    public static byte[] OpenFile(SftpConnection connection, string path, uint flags, CancellationToken cancellation) =>
        connection.Call(new SftpRequest(SftpNumbers.Open).Text(path).Number(flags).Number(0), cancellation).Bytes();

    /// <summary>Does not wait: what was read is read.</summary>
    public static void CloseUnwaited(SftpConnection connection, byte[] handle)
    {
        if (!connection.IsBroken)
            _ = connection.Send(new SftpRequest(SftpNumbers.Close).Bytes(handle, handle.Length), CancellationToken.None);
    }

    /// <summary>Fills a buffer from an offset; returns how many bytes there were.</summary>
    public static int Read(SftpConnection connection, byte[] handle, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation)
    {
        var asked = new Queue<(Task<SftpReply> Answer, int At, int Count)>();
        int next = 0, end = countBytes, inFlight = 0;
        void Ask(int at, int count)
        {
            var request = new SftpRequest(SftpNumbers.Read).Bytes(handle, handle.Length).Long((ulong)(offsetBytes + at)).Number((uint)count);
            asked.Enqueue((connection.Send(request, cancellation), at, count));
            inFlight += count;
        }
        while (true)
        {
            for (; next < end && inFlight < WindowBytes; next += connection.ReadBytes)
                Ask(next, Math.Min(connection.ReadBytes, end - next));
            if (asked.Count == 0)
                return end;
            (Task<SftpReply> answer, int at, int count) = asked.Dequeue();
            inFlight -= count;
            int got;
            try
            {
                got = SftpConnection.Wait(answer, cancellation).CopyTo(buffer, at, count);
            }
            catch (SftpRefusal e) when (e.Code == SftpNumbers.EndOfFile)
            {
                end = Math.Min(end, at);
                continue;
            }
            if (got == 0)
                throw new InvalidDataException("The server answers a read with nothing.");
            // Fewer than were asked for: the rest is asked for again, or is behind the file's end.
            if (got < count && at + got < end)
                Ask(at + got, Math.Min(count - got, end - at - got));
        }
    }

    /// <summary>Writes a stream's bytes from the file's beginning.</summary>
    public static void Write(SftpConnection connection, byte[] handle, Stream content, CancellationToken cancellation)
    {
        byte[] buffer = new byte[connection.WriteBytes];
        var sent = new Queue<(Task<SftpReply> Answer, int Count)>();
        int inFlight = 0;
        long at = 0;
        for (int part; (part = content.Read(buffer, 0, buffer.Length)) > 0; at += part)
        {
            while (inFlight >= WindowBytes)
                WaitForOne();
            sent.Enqueue((connection.Send(new SftpRequest(SftpNumbers.Write).Bytes(handle, handle.Length).Long((ulong)at).Bytes(buffer, part), cancellation), part));
            inFlight += part;
        }
        while (sent.Count > 0)
            WaitForOne();

        void WaitForOne()
        {
            (Task<SftpReply> answer, int count) = sent.Dequeue();
            SftpConnection.Wait(answer, cancellation);
            inFlight -= count;
        }
    }

    /// <summary>What lies in folders, by folder: those that are not there are not in it. All are read at the same time.</summary>
    public static Dictionary<string, List<(string Name, SftpAttributes Attributes)>> ListAll(SftpConnection connection, IReadOnlyList<string> folders, CancellationToken cancellation)
    {
        var found = new Dictionary<string, List<(string, SftpAttributes)>>(StringComparer.Ordinal);
        for (int first = 0; first < folders.Count; first += connection.OpenHandles)
        {
            var opening = folders.Skip(first).Take(connection.OpenHandles).Select(folder => (Folder: folder, Answer: connection.Send(new SftpRequest(SftpNumbers.OpenDirectory).Text(folder), cancellation))).ToList();
            var open = new List<(string Folder, byte[] Handle)>();
            foreach ((string folder, Task<SftpReply> answer) in opening)
            {
                try
                {
                    open.Add((folder, SftpConnection.Wait(answer, cancellation).Bytes()));
                    found.Add(folder, []);
                }
                catch (SftpRefusal e) when (e.Code == SftpNumbers.NoSuchFile)
                {
                    // It has no files.
                }
            }
            while (open.Count > 0)
            {
                var reading = open.Select(folder => connection.Send(new SftpRequest(SftpNumbers.ReadDirectory).Bytes(folder.Handle, folder.Handle.Length), cancellation)).ToList();
                var more = new List<(string, byte[])>();
                for (int i = 0; i < open.Count; i++)
                {
                    if (AddNames(AnswerOrEnd(reading[i], cancellation), found[open[i].Folder]))
                        more.Add(open[i]);
                    else
                        CloseUnwaited(connection, open[i].Handle);
                }
                open = more;
            }
        }
        return found;
    }

    /// <summary>Null: there are no more.</summary>
    private static SftpReply? AnswerOrEnd(Task<SftpReply> answer, CancellationToken cancellation)
    {
        try
        {
            return SftpConnection.Wait(answer, cancellation);
        }
        catch (SftpRefusal e) when (e.Code == SftpNumbers.EndOfFile)
        {
            return null;
        }
    }

    private static bool AddNames(SftpReply? names, List<(string, SftpAttributes)> found)
    {
        if (names is null)
            return false;
        for (uint left = names.Number(); left > 0; left--)
        {
            string name = names.Text();
            _ = names.Text();
            found.Add((name, names.Attributes()));
        }
        return true;
    }
}
