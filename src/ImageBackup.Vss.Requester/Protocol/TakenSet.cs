using System;
using System.Collections.Generic;

namespace ImageBackup.Vss.Requester.Protocol;

/// <summary>One volume's copy.</summary>
public sealed record TakenCopy(Guid Id, string Device, long FileTime);

/// <summary>A document of the set: a file's name and its text.</summary>
public sealed record TakenDocument(string Name, string Text);

/// <summary>A snapshot set that was taken.</summary>
public sealed record TakenSet(
    Guid Set, IReadOnlyList<TakenCopy> Copies, IReadOnlyList<TakenDocument> Documents, IReadOnlyList<WriterReport> Writers, IReadOnlyList<string> Warnings)
{
    public FrameWriter Write() => new FrameWriter(MessageKind.Taken).Add(Set)
        .AddAll(Copies, (frame, copy) => frame.Add(copy.Id).Add(copy.Device).Add(copy.FileTime))
        .AddAll(Documents, (frame, document) => frame.Add(document.Name).Add(document.Text))
        .AddAll(Writers, (frame, writer) => writer.Write(frame))
        .AddAll(Warnings, (frame, warning) => frame.Add(warning));

    /// <exception cref="ProtocolException">It is not one.</exception>
    public static TakenSet Read(FrameReader frame)
    {
        var set = new TakenSet(frame.ReadGuid(), frame.ReadAll(one => new TakenCopy(one.ReadGuid(), one.ReadText(), one.ReadInt64())),
            frame.ReadAll(one => new TakenDocument(one.ReadText(), one.ReadText())), frame.ReadAll(WriterReport.Read), frame.ReadAll(one => one.ReadText()));
        frame.End();
        return set;
    }
}
