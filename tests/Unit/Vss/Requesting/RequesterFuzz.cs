using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Vss.Requester;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Tests.Unit.Vss.Requesting;

/// <summary>
/// The requester's pipe for the fuzzers (tests/Fuzz knows it as vss-pipe): whatever the bytes are, the requester ends by itself, and no
/// set and no object outlives it.
/// </summary>
internal static class RequesterFuzz
{
    public static ParserTarget Target { get; } = new("vss-pipe", [.. Seeds()], Serve);

    /// <summary>False: the requester refused them.</summary>
    private static bool Serve(byte[] bytes)
    {
        var vss = new ComponentsDouble();
        using var input = new PacedStream(bytes);
        string? fault = new RequesterServer(new FramePipe(input, Stream.Null), vss.Create).Run(notice: null);
        return vss.OpenObjects == 0 && !vss.HasSet && !vss.IsInProgress ? fault is null : throw new InvalidDataException("the requester ended and left something");
    }

    private static IEnumerable<byte[]> Seeds()
    {
        FrameWriter hello = new FrameWriter(MessageKind.Hello).Add("ImageBackup.Vss").Add(1);
        FrameWriter take = new TakeRequest
        {
            Volumes = [@"D:\"], Roots = [[@"D:\"]], WithWriters = true, IsFull = false, IncludeWriters = ["Registry Writer"], ExcludeWriters = [], TimeoutMilliseconds = 1000,
        }.Write();
        FrameWriter noted = new(MessageKind.SetNoted);
        yield return Frames(hello, take, noted, new FrameWriter(MessageKind.QueryState).Add(Guid.Empty), new FrameWriter(MessageKind.Complete), new FrameWriter(MessageKind.Release));
        yield return Frames(hello, take, noted);
        yield return Frames(hello, new FrameWriter(MessageKind.Probe), new FrameWriter(MessageKind.IsSupported).Add(@"D:\"), new FrameWriter(MessageKind.ListWriters).Add(1000),
            new FrameWriter(MessageKind.DeleteSet).Add(Guid.Empty), new FrameWriter(MessageKind.Cancel));
    }

    private static byte[] Frames(params FrameWriter[] frames) => [.. frames.SelectMany(frame => frame.ToBytes())];

    /// <summary>The other end waits for answers: the next frame comes a moment later, so that a set is taken before the pipe ends.</summary>
    private sealed class PacedStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count)
        {
            if (count == 4)
                Thread.Sleep(1);
            return base.Read(buffer, offset, count);
        }
    }
}
