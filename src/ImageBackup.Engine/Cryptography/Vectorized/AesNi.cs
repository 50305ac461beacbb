using System;

namespace ImageBackup.Engine.Cryptography.Vectorized;

/// <summary>
/// AES-256's encryption (FIPS 197) by the processor's own rounds, eight blocks at a time, each of which is a counter that
/// never lies in memory: the platform's AES is as fast, but wants counters and gives a key stream to be added, each a pass of
/// its own. Elsewhere <see cref="IsSupported"/> is false. Takes the same time whatever the key and the data.
/// </summary>
internal sealed partial class AesNi : IDisposable
{
    /// <summary>Bytes of eight blocks.</summary>
    public const int StepBytes = 8 * 16;
}
