namespace ImageBackup.Vss;

/// <summary>Where AlphaVSS's factory comes from. One implementation; tests have a double.</summary>
internal interface IVssService
{
    /// <summary>Null if VSS can be spoken to; else why it cannot, as a sentence's part. Never throws.</summary>
    string? WhyNotUsable();

    /// <summary>
    /// An Alphaleonis.Win32.Vss.IVssFactory. As an object: the runtime must be able to load this interface if AlphaVSS is not there.
    /// </summary>
    object Factory();
}
