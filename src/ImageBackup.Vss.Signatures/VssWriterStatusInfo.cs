using System;

namespace Alphaleonis.Win32.Vss;

public class VssWriterStatusInfo(Guid instanceId, Guid writerId, string writerName, VssWriterState state, VssError failure)
{
    public Guid InstanceId { get; } = instanceId;
    public Guid ClassId { get; } = writerId;
    public string Name { get; } = writerName;
    public VssWriterState State { get; } = state;
    public VssError Failure { get; } = failure;
    public int? ApplicationErrorCode { get; }
    public string? ApplicationErrorMessage { get; }
}
