using System;
using System.Collections.Generic;

namespace ImageBackup.Vss.Requester.Protocol;

/// <summary>A component of a writer.</summary>
/// <param name="Path">Its logical path and its name, with backslashes between.</param>
/// <param name="Caption">For people; empty if the writer gives none.</param>
/// <param name="IsIncluded">It is in the snapshot set: its files lie on the set's volumes.</param>
public sealed record WriterComponent(string Path, string Caption, bool IsIncluded);

/// <summary>A writer, and how it is.</summary>
/// <param name="ClassId">The writer's class.</param>
/// <param name="InstanceId">This instance of it.</param>
/// <param name="Name">As the writer names itself.</param>
/// <param name="State">VSS's number.</param>
/// <param name="Failure">0, or the HRESULT of its failure.</param>
/// <param name="Components">What it has.</param>
public sealed record WriterReport(Guid ClassId, Guid InstanceId, string Name, int State, int Failure, IReadOnlyList<WriterComponent> Components)
{
    public void Write(FrameWriter frame) => frame.Add(ClassId).Add(InstanceId).Add(Name).Add(State).Add(Failure)
        .AddAll(Components, (inner, component) => inner.Add(component.Path).Add(component.Caption).Add(component.IsIncluded));

    /// <exception cref="ProtocolException">It is not one.</exception>
    public static WriterReport Read(FrameReader frame) => new(frame.ReadGuid(), frame.ReadGuid(), frame.ReadText(), frame.ReadInt32(), frame.ReadInt32(),
        frame.ReadAll(one => new WriterComponent(one.ReadText(), one.ReadText(), one.ReadBoolean())));
}
