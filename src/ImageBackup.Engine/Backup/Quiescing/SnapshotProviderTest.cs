using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup.Quiescing;

/// <summary>Takes a snapshot of a volume, reads its first bytes and removes it.</summary>
internal sealed class SnapshotProviderTest(IVolumeSystem volumes, SnapshotProviders providers, EventLog? events = null)
{
    private const int SampleBytes = 64 << 10;

    public SnapshotProviderTestResult Run(VolumeDescription volume, string? providerName, SnapshotOptions options, Action<string> writeVerbose, CancellationToken cancellation)
    {
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        new VolumeQuiescer(volumes, providers, events ?? EventLog.Silent, writeVerbose).RemoveOrphans();
        (ISnapshotProvider? provider, string? whyNot) = providers.Choose(volume, providerName, options);
        if (provider is null)
            return new SnapshotProviderTestResult { Volume = volume.Name, IsGood = false, Fault = whyNot };
        var result = new SnapshotProviderTestResult { Volume = volume.Name, Provider = provider.Name, IsGood = false };
        var clock = Stopwatch.StartNew();
        try
        {
            using (ISnapshotSet set = provider.Create([volume], options, writeVerbose, cancellation))
            {
                result = result with { CreateTime = clock.Elapsed, Warnings = set.Warnings };
                using (IBlockReader reader = set.Snapshots[0].OpenRead())
                    reader.ReadAt(0, new byte[(int)Math.Min(SampleBytes, reader.LengthBytes)]);
                SnapshotState state = set.Snapshots[0].QueryState();
                result = result with { IsGood = state.IsValid, Fault = state.Fault, CacheBytes = state.CacheBytes };
                set.Complete(succeeded: true);
                clock.Restart();
            }
            return result with { RemoveTime = clock.Elapsed };
        }
        catch (Exception e) when (e is ImageBackupException or BlockReadException)
        {
            return result with { IsGood = false, Fault = e.Message };
        }
    }
}
