using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Volumes.Windows;

namespace ImageBackup.Engine.Volumes.Snapshots.Wmi;

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

    /// <summary>Between two attempts while another shadow copy is being made.</summary>
    internal TimeSpan RetryPause { get; init; } = TimeSpan.FromSeconds(5);

    public string Name => ProviderName;
    public string Description => "Windows shadow copies by WMI, as a crash would leave the volume";
    public int Preference => 20;
    public bool TakesSets => false;

    public SnapshotAbility CheckMachine(SnapshotOptions options)
    {
        try
        {
            return new SnapshotAbility(TimedStep.Run(_ => wmi.WhyNotUsable(), options.Timeout, CancellationToken.None));
        }
        catch (TimeoutException e)
        {
            return new SnapshotAbility("WMI does not answer: " + e.Message);
        }
    }

    public SnapshotAbility CheckVolume(VolumeDescription volume, SnapshotOptions options)
    {
        if (ShadowedVolume.RootOf(volume) is null)
            return new SnapshotAbility($"'{volume.Name}' is no Windows volume that is mounted");
        return volume.MountedFileSystem?.ToUpperInvariant() is null or "NTFS" or "REFS" or "CSVFS"
            ? SnapshotAbility.Usable
            : new SnapshotAbility($"Windows makes no shadow copies of {volume.MountedFileSystem}");
    }

    public ISnapshotSet Create(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log, CancellationToken cancellation)
    {
        if (volumes.Count != 1)
            throw new ArgumentException("This provider takes one volume at a time.", nameof(volumes));
        VolumeDescription volume = volumes[0];
        string root = ShadowedVolume.RootOf(volume) ?? throw Failed(volume, "it is no Windows volume that is mounted");
        HeldFile record = Record(volume);
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

    public IReadOnlyList<SnapshotLeftover> FindLeftovers()
    {
        var found = new List<SnapshotLeftover>();
        foreach (HeldFile record in HeldFile.Abandoned(recordDirectory, RecordKind))
        {
            using (record)
                found.Add(new SnapshotLeftover(Name, NameOf(record), record.Values.TryGetValue(VolumeKey, out string? volume) ? volume : null));
        }
        return found;
    }

    public void Remove(SnapshotLeftover leftover, Action<string> log)
    {
        IReadOnlyList<HeldFile> records = HeldFile.Abandoned(recordDirectory, RecordKind);
        try
        {
            foreach (HeldFile record in records.Where(record => NameOf(record) == leftover.Name))
            {
                if (record.Values.TryGetValue(IdKey, out string? id))
                {
                    log($"Win32_ShadowCopy {id}: delete");
                    TimedStep.Run(_ => new ShadowCopies(wmi).Delete(id), new SnapshotOptions().Timeout, CancellationToken.None);
                }
                else
                {
                    log($"A killed run had begun to make {leftover.Name}; whether it was made is not known: see 'vssadmin list shadows'.");
                }
                record.Remove();
            }
        }
        catch (Exception e) when (e is WmiException or TimeoutException)
        {
            throw new ImageBackupException(ErrorId.SnapshotFailed, $"The shadow copy '{leftover.Name}' could not be deleted: {e.Message}.", leftover.Name, e);
        }
        finally
        {
            foreach (HeldFile record in records)
                record.Dispose();
        }
    }

    private string Create(VolumeDescription volume, string root, TimeSpan timeout, Action<string> log, CancellationToken cancellation)
    {
        var copies = new ShadowCopies(wmi);
        DateTime end = DateTime.UtcNow + timeout;
        while (true)
        {
            (uint code, string id) = TimedStep.Run(_ => (copies.Create(root, out string made), made), timeout, cancellation,
                late => DeleteLate(copies, late.Item1, late.made, log));
            if (code == 0)
                return id;
            // Windows makes one at a time, whoever asks.
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

    private HeldFile Record(VolumeDescription volume)
    {
        try
        {
            return HeldFile.Create(recordDirectory, RecordKind, new Dictionary<string, string>
            {
                [VolumeKey] = volume.Name,
                [BegunKey] = DateTimeOffset.Now.ToString("u", CultureInfo.InvariantCulture),
            });
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(volume, $"it could not be written down that the shadow copy must be deleted: {e.Message}", e);
        }
    }

    private static string NameOf(HeldFile record) => record.Values.TryGetValue(IdKey, out string? id)
        ? id
        : $"a shadow copy of {Value(record, VolumeKey)} begun {Value(record, BegunKey)}";

    private static string Value(HeldFile record, string key) => record.Values.TryGetValue(key, out string? value) ? value : "?";

    private static ImageBackupException Failed(VolumeDescription volume, string why, Exception? inner = null) =>
        new(ErrorId.SnapshotFailed, $"WMI made no shadow copy of '{volume.Name}': {why.TrimEnd('.')}.", volume.Name, inner);
}
