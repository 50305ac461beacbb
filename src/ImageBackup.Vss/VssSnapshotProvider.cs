using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Vss.Requesting;

namespace ImageBackup.Vss;

/// <summary>
/// Shadow copies by the Volume Shadow Copy Service, with its writers: the registry, Active Directory and other applications bring
/// their data on the volumes into a state that can be relied on. All volumes of a set show one moment.
/// </summary>
/// <remarks>
/// Spoken to through AlphaVSS if it lies beside the module, else through the module's own requester. Proven with doubles of both:
/// it never ran on a real Windows.
/// </remarks>
internal sealed class VssSnapshotProvider : IWriterProvider
{
    public const string ProviderName = "VSS";

    private readonly IReadOnlyList<IVssBinding> _bindings;
    private readonly SnapshotUndoRecords<WindowsUndoRecord> _records;

    /// <summary>The machine's own.</summary>
    public VssSnapshotProvider()
        : this(records =>
            [
                new AlphaVssBinding(new VssMachine(new AlphaVssService(), () => VolumeSystem.Current, records)),
                new RequesterBinding(() => VolumeSystem.Current, records, RequesterConnection.Start, RequesterLauncher.WhyNot),
            ], WindowsUndoRecord.LastingDirectory)
    {
    }

    /// <summary>AlphaVSS alone.</summary>
    internal VssSnapshotProvider(IVssService service, Func<IVolumeSystem> system, string recordDirectory)
        : this(records => [new AlphaVssBinding(new VssMachine(service, system, records))], recordDirectory)
    {
    }

    /// <param name="bindings">In the order in which they are tried, with these records.</param>
    /// <param name="recordDirectory">Where it is written down what must be deleted.</param>
    internal VssSnapshotProvider(Func<SnapshotUndoRecords<WindowsUndoRecord>, IReadOnlyList<IVssBinding>> bindings, string recordDirectory)
    {
        _records = VssRecord.In(recordDirectory);
        _bindings = bindings(_records);
    }

    public string Name => ProviderName;
    public string Description => "Windows Volume Shadow Copy Service; applications (writers) take part";
    public int Preference => 10;
    public bool TakesSets => true;

    /// <summary>
    /// The longest between two attempts, after a writer that may succeed the next time and while another set is being made. The first
    /// pause is a tenth of it, each later one twice the one before.
    /// </summary>
    internal TimeSpan RetryPause { get; init; } = TimeSpan.FromSeconds(10);

    public SnapshotSupport CheckMachine(SnapshotOptions options)
    {
        try
        {
            return TimeLimitedCall.Run(_ => Support(), options.Timeout, CancellationToken.None);
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
            return Binding.IsSupported(root, options.Timeout) ? SnapshotSupport.Usable : new SnapshotSupport($"VSS does not support '{volume.Name}'");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Every exception of AlphaVSS is a reason.
            return new SnapshotSupport("VSS cannot be asked about it: " + e.Message.TrimEnd('.'));
        }
    }

    public IReadOnlyList<SnapshotWriter> ListWriters(SnapshotOptions options, CancellationToken cancellation)
    {
        try
        {
            return Binding.ListWriters(options.Timeout, cancellation);
        }
        catch (VssSupportException e)
        {
            throw new ImageBackupException(ErrorId.SnapshotUnavailable, $"VSS does not tell its writers: {e.Message}.", Name, e);
        }
    }

    public ISnapshotSet Create(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log, CancellationToken cancellation)
    {
        string names = string.Join(", ", volumes.Select(volume => $"'{volume.Name}'"));
        if (volumes.FirstOrDefault(volume => ShadowedVolume.RootOf(volume) is null) is { } homeless)
            throw new ImageBackupException(ErrorId.SnapshotFailed, $"VSS cannot take a snapshot of '{homeless.Name}': it is not a mounted Windows volume.", homeless.Name);
        DateTime end = DateTime.UtcNow + options.Timeout;
        var pause = TimeSpan.FromTicks(RetryPause.Ticks / 10);
        for (int retries = 0, waits = 0; ;)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return Binding.Take(volumes, options, log, cancellation);
            }
            catch (VssSupportException e) when (e.Support == VssSupport.AnotherTime && retries < options.WriterRetries)
            {
                retries++;
                log($"VSS: {e.Message}. Attempt {retries} of {options.WriterRetries} more follows.");
            }
            catch (VssSupportException e) when (e.Support == VssSupport.Busy && DateTime.UtcNow + pause < end)
            {
                waits++;
                if (waits == 1)
                    log($"VSS: {e.Message}; waiting.");
            }
            catch (VssSupportException e)
            {
                throw new ImageBackupException(ErrorId.SnapshotFailed, $"VSS cannot take a snapshot of {names}: {e.Message}.", volumes[0].Name, e);
            }
            if (cancellation.WaitHandle.WaitOne(pause))
                cancellation.ThrowIfCancellationRequested();
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, RetryPause.Ticks));
        }
    }

    public IReadOnlyList<OrphanSnapshot> FindOrphans() => _records.FindOrphans(Name);

    public void Remove(OrphanSnapshot leftover, Action<string> log)
    {
        try
        {
            _records.Remove(leftover, values => Binding.DeleteLeft(values, log));
        }
        catch (Exception e) when (e is not (ImageBackupException or OutOfMemoryException))
        {
            throw new ImageBackupException(ErrorId.SnapshotFailed, $"The snapshot set '{leftover.Name}' could not be removed: {e.Message.TrimEnd('.')}.", leftover.Name, e);
        }
    }

    /// <summary>The first that can be used; if none can, the last, which says why.</summary>
    private IVssBinding Binding => _bindings.Take(_bindings.Count - 1).FirstOrDefault(binding => binding.WhyNotUsable() is null) ?? _bindings[_bindings.Count - 1];

    private SnapshotSupport Support()
    {
        var reasons = new List<string>();
        foreach (IVssBinding binding in _bindings)
        {
            if (binding.WhyNotUsable() is not { } why)
                return new SnapshotSupport((string?)null) { Detail = string.Join("; ", reasons.Prepend("by " + binding.Name)) };
            reasons.Add(_bindings.Count == 1 ? why : $"not by {binding.Name}: {why}");
        }
        return new SnapshotSupport(string.Join("; ", reasons));
    }
}
