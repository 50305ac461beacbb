using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Vss;

/// <summary>
/// Shadow copies by the Volume Shadow Copy Service, with its writers: the registry, Active Directory and other applications bring
/// their data on the volumes into a state that can be relied on. All volumes of a set show one moment.
/// </summary>
/// <remarks>
/// Proven with a scripted double of AlphaVSS's interfaces only: it never ran on a real Windows. No member of this type names a
/// type of AlphaVSS where the runtime would look for it before <see cref="CheckMachine"/> has said that it is there.
/// </remarks>
internal sealed class VssSnapshotProvider : ISnapshotProvider
{
    public const string ProviderName = "VSS";

    private readonly IVssService _service;
    private readonly Func<IVolumeSystem> _system;
    private readonly SnapshotUndoRecords<WindowsUndoRecord> _records;

    /// <summary>The machine's own.</summary>
    public VssSnapshotProvider()
        : this(new AlphaVssService(), () => VolumeSystem.Current, WindowsUndoRecord.LastingDirectory)
    {
    }

    internal VssSnapshotProvider(IVssService service, Func<IVolumeSystem> system, string recordDirectory)
    {
        _service = service;
        _system = system;
        _records = VssRecord.In(recordDirectory);
    }

    public string Name => ProviderName;
    public string Description => "Windows Volume Shadow Copy Service; applications (writers) take part";
    public int Preference => 10;
    public bool TakesSets => true;

    /// <summary>Between two attempts after a writer that may succeed the next time, and while another set is being made.</summary>
    internal TimeSpan RetryPause { get; init; } = TimeSpan.FromSeconds(10);

    public SnapshotSupport CheckMachine(SnapshotOptions options)
    {
        try
        {
            return new SnapshotSupport(TimeLimitedCall.Run(_ => _service.WhyNotUsable(), options.Timeout, CancellationToken.None));
        }
        catch (TimeoutException e)
        {
            return new SnapshotSupport("VSS does not answer: " + e.Message);
        }
    }

    public SnapshotSupport CheckVolume(VolumeDescription volume, SnapshotOptions options)
    {
        if (ShadowedVolume.RootOf(volume) is not { } root)
            return new SnapshotSupport($"'{volume.Name}' is not a mounted Windows volume");
        try
        {
            return IsSupported(root, options.Timeout) ? SnapshotSupport.Usable : new SnapshotSupport($"VSS does not support '{volume.Name}'");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Every exception of AlphaVSS is a reason.
            return new SnapshotSupport("VSS cannot be asked about it: " + e.Message.TrimEnd('.'));
        }
    }

    public ISnapshotSet Create(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log, CancellationToken cancellation)
    {
        string names = string.Join(", ", volumes.Select(volume => volume.Name));
        if (volumes.FirstOrDefault(volume => ShadowedVolume.RootOf(volume) is null) is { } homeless)
            throw new ImageBackupException(ErrorId.SnapshotFailed, $"VSS cannot take a snapshot of '{homeless.Name}': it is not a mounted Windows volume.", homeless.Name);
        DateTime end = DateTime.UtcNow + options.Timeout;
        for (int retries = 0, waits = 0; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return Take(volumes, options, log, cancellation);
            }
            catch (VssSupportException e) when (e.Support == VssSupport.AnotherTime && retries < options.WriterRetries)
            {
                retries++;
                log($"VSS: {e.Message}. Attempt {retries} of {options.WriterRetries} more follows.");
            }
            catch (VssSupportException e) when (e.Support == VssSupport.Busy && DateTime.UtcNow + RetryPause < end)
            {
                waits++;
                if (waits == 1)
                    log($"VSS: {e.Message}; waiting.");
            }
            catch (VssSupportException e)
            {
                throw new ImageBackupException(ErrorId.SnapshotFailed, $"VSS cannot take a snapshot of {names}: {e.Message}.", volumes[0].Name, e);
            }
            if (cancellation.WaitHandle.WaitOne(RetryPause))
                cancellation.ThrowIfCancellationRequested();
        }
    }

    public IReadOnlyList<OrphanSnapshot> FindOrphans() => _records.FindOrphans(Name);

    public void Remove(OrphanSnapshot leftover, Action<string> log)
    {
        try
        {
            _records.Remove(leftover, values => Delete(values, log));
        }
        catch (Exception e) when (e is not (ImageBackupException or OutOfMemoryException))
        {
            throw new ImageBackupException(ErrorId.SnapshotFailed, $"The snapshot set '{leftover.Name}' could not be removed: {e.Message.TrimEnd('.')}.", leftover.Name, e);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private VssSnapshotSet Take(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log, CancellationToken cancellation) =>
        VssSession.Take(new VssMachine(_service, _system, _records), volumes, options, log, cancellation);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool IsSupported(string root, TimeSpan timeout) => VssSession.IsSupported(_service, root, timeout);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Delete(IReadOnlyDictionary<string, string> values, Action<string> log) => VssSession.DeleteLeft(_service, values, log);
}
