namespace ImageBackup.Vss.Requester.Protocol;

/// <summary>What a frame holds. The numbers are the protocol's (FORMAT.md): one is never used for anything else.</summary>
public enum MessageKind : byte
{
    /// <summary>Both: the first frame of either end.</summary>
    Hello = 1,

    /// <summary>Asks whether VSS can be spoken to; answered by Done or Failed.</summary>
    Probe = 2,

    /// <summary>Asks whether VSS takes a volume; answered by Answer or Failed.</summary>
    IsSupported = 3,

    /// <summary>Asks for the writers of this machine; answered by Writers or Failed.</summary>
    ListWriters = 4,

    /// <summary>Asks for a snapshot set; answered by SetStarted and Taken, or Failed.</summary>
    Take = 5,

    /// <summary>The set's id is written down: it may go on. Answers SetStarted.</summary>
    SetNoted = 6,

    /// <summary>Asks how a snapshot is; answered by State.</summary>
    QueryState = 7,

    /// <summary>The backup has ended well; answered by Completed.</summary>
    Complete = 8,

    /// <summary>Gives the set back; answered by Done or Failed.</summary>
    Release = 9,

    /// <summary>Asks for a set of a killed run to be deleted; answered by Done or Failed.</summary>
    DeleteSet = 10,

    /// <summary>Stop what you do; what was begun is undone. Not answered by itself.</summary>
    Cancel = 11,

    /// <summary>A line for the log.</summary>
    Log = 64,
    Done = 65,
    Failed = 66,
    Answer = 67,
    Writers = 68,
    SetStarted = 69,
    Taken = 70,
    State = 71,
    Completed = 72,
}
