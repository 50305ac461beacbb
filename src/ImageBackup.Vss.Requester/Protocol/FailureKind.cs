namespace ImageBackup.Vss.Requester.Protocol;

/// <summary>What a failure says of the next attempt. The numbers are the protocol's.</summary>
public enum FailureKind
{
    /// <summary>It would fail again.</summary>
    Hopeless,

    /// <summary>A writer, the flushing of writes or a lack of room failed in a way that may pass.</summary>
    AnotherTime,

    /// <summary>Another snapshot set is being made.</summary>
    Busy,

    /// <summary>The other end asked to stop, or is gone.</summary>
    Cancelled,
}
