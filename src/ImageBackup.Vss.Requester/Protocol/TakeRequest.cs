using System;
using System.Collections.Generic;

namespace ImageBackup.Vss.Requester.Protocol;

/// <summary>What a snapshot set is to be.</summary>
public sealed record TakeRequest
{
    /// <summary>\\?\Volume{guid}\ or X:\ of each, with the backslash.</summary>
    public required IReadOnlyList<string> Volumes { get; init; }

    /// <summary>For each volume, in the same order: every path under which its files can be named, with the backslash.</summary>
    public required IReadOnlyList<IReadOnlyList<string>> Roots { get; init; }

    /// <summary>Applications take part. Without them the file system alone is flushed.</summary>
    public required bool WithWriters { get; init; }

    /// <summary>Applications may cut off their logs: VSS's type "full". False: "copy".</summary>
    public required bool IsFull { get; init; }

    /// <summary>Names or class ids; empty: all.</summary>
    public required IReadOnlyList<string> IncludeWriters { get; init; }
    public required IReadOnlyList<string> ExcludeWriters { get; init; }

    /// <summary>For each step.</summary>
    public required int TimeoutMilliseconds { get; init; }

    public FrameWriter Write() => new FrameWriter(MessageKind.Take)
        .AddAll(Volumes, (frame, volume) => frame.Add(volume))
        .AddAll(Roots, (frame, roots) => frame.AddAll(roots, (inner, root) => inner.Add(root)))
        .Add(WithWriters).Add(IsFull)
        .AddAll(IncludeWriters, (frame, name) => frame.Add(name))
        .AddAll(ExcludeWriters, (frame, name) => frame.Add(name))
        .Add(TimeoutMilliseconds);

    /// <exception cref="ProtocolException">It is not one.</exception>
    public static TakeRequest Read(FrameReader frame)
    {
        var request = new TakeRequest
        {
            Volumes = frame.ReadAll(one => one.ReadText()),
            Roots = frame.ReadAll(one => one.ReadAll(inner => inner.ReadText())),
            WithWriters = frame.ReadBoolean(),
            IsFull = frame.ReadBoolean(),
            IncludeWriters = frame.ReadAll(one => one.ReadText()),
            ExcludeWriters = frame.ReadAll(one => one.ReadText()),
            TimeoutMilliseconds = frame.ReadInt32(),
        };
        frame.End();
        if (request.Volumes.Count is 0 or > 64 || request.Roots.Count != request.Volumes.Count || request.TimeoutMilliseconds <= 0)
            throw new ProtocolException($"a set of {request.Volumes.Count} volumes with {request.Roots.Count} lists of roots and {request.TimeoutMilliseconds} ms");
        return request;
    }
}
