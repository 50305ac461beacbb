using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Threading;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Undo;

namespace ImageBackup.Engine.VolumeSnapshots.Wmi;

/// <summary>
/// Shadow copies by Win32_ShadowCopy: no writer takes part, so the copy is what a crash would leave. For machines where VSS
/// cannot be spoken to (ARM64, no VC++ runtime). Windows keeps them until they are deleted, hence the records.
/// </summary>
/// <param name="wmi">Asked for everything.</param>
/// <param name="system">Opens the copies; asked for when needed.</param>
/// <param name="recordDirectory">Where it is written down what must be deleted.</param>
internal sealed class WmiSnapshotProvider(IWmi wmi, Func<IVolumeSystem> system, string recordDirectory) : ISnapshotProvider
{
    public const string ProviderName = "WMI";
    internal const string RecordKind = "wmi";
    internal const string VolumeKey = "volume";
    internal const string IdKey = "id";
    private const string BegunKey = "begun";

    private readonly SnapshotUndoRecords<WindowsUndoRecord> _records = SnapshotUndoRecords.Windows(recordDirectory, RecordKind, NameOf, values => Value(values, VolumeKey));

    /// <summary>Between two attempts while another shadow copy is being made.</summary>
    internal TimeSpan RetryPause { get; init; } = TimeSpan.FromSeconds(5);

    public string Name => ProviderName;
    public string Description => "Windows shadow copies by WMI, as a crash would leave the volume";
    public int Preference => 20;
    public bool TakesSets => false;

    public SnapshotSupport CheckMachine(SnapshotOptions options)
    {
        try
        {
            return new SnapshotSupport(TimeLimitedCall.Run(_ => wmi.WhyNotUsable(), options.Timeout, CancellationToken.None));
        }
        catch (TimeoutException e)
        {
            return new SnapshotSupport("WMI does not answer: " + e.Message);
        }
    }

    public SnapshotSupport CheckVolume(VolumeDescription volume, SnapshotOptions options)
    {
        if (ShadowedVolume.RootOf(volume) is null)
            return new SnapshotSupport($"'{volume.Name}' is not a mounted Windows volume");
        return volume.MountedFileSystem?.ToUpperInvariant() is null or "NTFS" or "REFS" or "CSVFS"
            ? SnapshotSupport.Usable
            : new SnapshotSupport($"Windows makes no shadow copies of {volume.MountedFileSystem}");
    }

    public ISnapshotSet Create(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log, CancellationToken cancellation)
    {
        if (volumes.Count != 1)
            throw new ArgumentException("This provider takes one volume at a time.", nameof(volumes));
        VolumeDescription volume = volumes[0];
        string root = ShadowedVolume.RootOf(volume) ?? throw Failed(volume, "it is not a mounted Windows volume");
        WindowsUndoRecord record = _records.Begin(
            new Dictionary<string, string>
            {
                [VolumeKey] = volume.Name,
                [BegunKey] = DateTimeOffset.Now.ToString("u", CultureInfo.InvariantCulture),
            },
            (why, e) => Failed(volume, why, e));
        var set = new WmiSnapshotSet(new ShadowCopies(wmi), record, volume, options.Timeout, log);
        try
        {
            log($"Win32_ShadowCopy.Create {root}");
            string id = Create(volume, root, options.Timeout, log, cancellation);
            record.Write(new Dictionary<string, string> { [IdKey] = id });
            set.Made(id, system());
            cancellation.ThrowIfCancellationRequested();
            return set;
        }
        catch (Exception e) when (e is WmiException or TimeoutException or IOException)
        {
            set.Dispose();
            throw Failed(volume, e.Message, e);
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    public IReadOnlyList<OrphanSnapshot> FindOrphans() => _records.FindOrphans(Name);

    public void Remove(OrphanSnapshot leftover, Action<string> log)
    {
        try
        {
            _records.Remove(leftover, values => Delete(values, leftover, log));
        }
        catch (Exception e) when (e is WmiException or TimeoutException)
        {
            throw new ImageBackupException(ErrorId.SnapshotFailed, $"The shadow copy '{leftover.Name}' could not be deleted: {e.Message}.", leftover.Name, e);
        }
    }

    private void Delete(IReadOnlyDictionary<string, string> values, OrphanSnapshot leftover, Action<string> log)
    {
        if (values.TryGetValue(IdKey, out string? id))
        {
            log($"Win32_ShadowCopy {id}: delete");
            TimeLimitedCall.Run(_ => new ShadowCopies(wmi).Delete(id), new SnapshotOptions().Timeout, CancellationToken.None);
        }
        else
        {
            log($"A killed run began to make {leftover.Name}; whether it exists is not known: see 'vssadmin list shadows'.");
        }
    }

    private string Create(VolumeDescription volume, string root, TimeSpan timeout, Action<string> log, CancellationToken cancellation)
    {
        var copies = new ShadowCopies(wmi);
        DateTime end = DateTime.UtcNow + timeout;
        while (true)
        {
            (uint code, string id) = TimeLimitedCall.Run(_ => (copies.Create(root, out string made), made), timeout, cancellation,
                late => DeleteLate(copies, late.Item1, late.made, log));
            if (code == 0)
                return id;
            // Windows makes one at a time, for all programs together.
            if (code != ShadowCopies.InProgress || DateTime.UtcNow + RetryPause >= end)
                throw Failed(volume, ShadowCopies.Describe(code));
            log("Another shadow copy is being made; waiting.");
            if (cancellation.WaitHandle.WaitOne(RetryPause))
                cancellation.ThrowIfCancellationRequested();
        }
    }

    private static void DeleteLate(ShadowCopies copies, uint code, string id, Action<string> log)
    {
        try
        {
            if (code == 0)
                copies.Delete(id);
        }
        catch (WmiException e)
        {
            log($"The shadow copy {id}, made too late, could not be deleted: {e.Message}.");
        }
    }

    private static string NameOf(IReadOnlyDictionary<string, string> values) => values.TryGetValue(IdKey, out string? id)
        ? id
        : $"a shadow copy of {Value(values, VolumeKey) ?? "?"} begun {Value(values, BegunKey) ?? "?"}";

    private static string? Value(IReadOnlyDictionary<string, string> values, string key) => values.TryGetValue(key, out string? value) ? value : null;

    private static ImageBackupException Failed(VolumeDescription volume, string why, Exception? inner = null) =>
        new(ErrorId.SnapshotFailed, $"WMI made no shadow copy of '{volume.Name}': {why.TrimEnd('.')}.", volume.Name, inner);
}
