using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;

namespace ImageBackup.Tests.Kits.Repository;

/// <summary>Runs one parser over mutated seeds and holds it to its contract: a result or the documented refusal, in bounded time and memory.</summary>
internal sealed class ParserFuzzer(ParserTarget target)
{
    private static readonly TimeSpan s_maxTime = TimeSpan.FromSeconds(20);
    private const long MaxAllocatedBytes = 256L << 20;

    private static readonly byte[][] s_tokens =
    [.. new[]
    {
        "null", "true", "-1", "0", "1e999", "99999999999999999999", "9223372036854775807", "4294967296", "2147483648", "\"\"", "{}", "[]", "[[[[[[[[[[[[[[[[[[[[", "{\"a\":{\"a\":{\"a\":",
        "\"..\"", "\"../../../etc/passwd\"", "\"\\u0000\"", "\"\\ud800\"", "\\", "\"", ",", ":", "}", "]", "\uFEFF", "\r\n", "*", "?", "[", "[!", "%", "\0",
        "73d04e6125cf3c28a299cc2f3cca3b78ceac396e4fcf9575e34536b26782413c",
    }.Select(Encoding.UTF8.GetBytes)];

    public long ReadCount { get; private set; }
    public long RefusedCount { get; private set; }
    public TimeSpan LongestRun { get; private set; }
    public long LargestAllocationBytes { get; private set; }

    /// <summary>One run. The number gives the same input again.</summary>
    /// <exception cref="InvalidDataException">The parser broke its contract; says how, and with which number.</exception>
    public void Run(int number)
    {
        byte[] input = Mutate(number);
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        try
        {
            if (target.Read(input))
                ReadCount++;
            else
                RefusedCount++;
        }
        catch (Exception e)
        {
            throw new InvalidDataException($"{target.Name} run {number}: threw {e}", e);
        }
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        LongestRun = elapsed > LongestRun ? elapsed : LongestRun;
        LargestAllocationBytes = Math.Max(LargestAllocationBytes, allocated);
        if (elapsed > s_maxTime)
            throw new InvalidDataException($"{target.Name} run {number}: took {elapsed}");
        if (allocated > MaxAllocatedBytes)
            throw new InvalidDataException($"{target.Name} run {number}: allocated {allocated} bytes for {input.Length}");
    }

    private byte[] Mutate(int number)
    {
        var random = new Random(number);
        List<byte> bytes = [.. target.Seeds[random.Next(target.Seeds.Count)]];
        for (int count = random.Next(random.Next(1, 12)); count >= 0; count--)
            Change(bytes, random);
        return [.. bytes];
    }

    private void Change(List<byte> bytes, Random random)
    {
        int at = random.Next(bytes.Count + 1), room = bytes.Count - at;
        switch (random.Next(9))
        {
            case 0 when room > 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when room > 0:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes.RemoveRange(at, Math.Min(random.Next(40), room));
                break;
            case 3:
                bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(200), room)));
                break;
            case 4 when random.Next(10) == 0:
                bytes.RemoveRange(at, room);
                break;
            case 5:
                // A piece of another seed.
                byte[] other = target.Seeds[random.Next(target.Seeds.Count)];
                int from = random.Next(other.Length + 1);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(random.Next(100), other.Length - from)).ToArray());
                break;
            case 6 when random.Next(50) == 0:
                bytes.InsertRange(at, Enumerable.Repeat((byte)"[{\"9a"[random.Next(5)], random.Next(100_000)));
                break;
            default:
                byte[] token = s_tokens[random.Next(s_tokens.Length)];
                // Over a number or word that stands there, else between.
                int end = at;
                while (end < bytes.Count && char.IsAsciiLetterOrDigit((char)bytes[end]) && end - at < 25)
                    end++;
                bytes.RemoveRange(at, end - at);
                bytes.InsertRange(at, token);
                break;
        }
    }
}
