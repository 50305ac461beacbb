using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Vss;

/// <summary>VSS through AlphaVSS, in this process.</summary>
/// <remarks>
/// Proven with a scripted double of AlphaVSS's interfaces only: it never ran on a real Windows. No member of this type names a
/// type of AlphaVSS where the runtime would look for it before <see cref="WhyNotUsable"/> has said that it is there.
/// </remarks>
internal sealed class AlphaVssBinding(VssMachine machine) : IVssBinding
{
    public string Name => "AlphaVSS";

    public string? WhyNotUsable() => machine.Service.WhyNotUsable();

    [MethodImpl(MethodImplOptions.NoInlining)]
    public ISnapshotSet Take(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log, CancellationToken cancellation) =>
        VssSession.Take(machine, volumes, options, log, cancellation);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public bool IsSupported(string root, TimeSpan timeout) => VssSession.IsSupported(machine.Service, root, timeout);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void DeleteLeft(IReadOnlyDictionary<string, string> values, Action<string> log) => VssSession.DeleteLeft(machine.Service, values, log);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public IReadOnlyList<SnapshotWriter> ListWriters(TimeSpan timeout, CancellationToken cancellation) => VssSession.ListWriters(machine.Service, timeout, cancellation);
}
