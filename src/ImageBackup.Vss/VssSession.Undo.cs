using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Alphaleonis.Win32.Vss;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Vss.Requester;

namespace ImageBackup.Vss;

/// <summary>What needs no set of its own.</summary>
internal sealed partial class VssSession
{
    private static readonly TimeSpan s_stateTimeout = TimeSpan.FromSeconds(20);

    /// <summary>A new components object; not initialized.</summary>
    public static IVssBackupComponents Create(IVssService service, VssCalls calls, CancellationToken cancellation) =>
        calls.Run("CreateVssBackupComponents", _ => ((IVssFactory)service.Factory()).CreateVssBackupComponents(), cancellation, late => late.Dispose());

    /// <exception cref="VssSupportException">VSS refused the question.</exception>
    public static bool IsSupported(IVssService service, string root, TimeSpan timeout)
    {
        var calls = new VssCalls(timeout, _ => { });
        IVssBackupComponents components = Create(service, calls, CancellationToken.None);
        try
        {
            calls.Run("InitializeForBackup", () => components.InitializeForBackup(null), CancellationToken.None);
            calls.Run("SetContext", () => components.SetContext(VssSnapshotContext.Backup), CancellationToken.None);
            return calls.Run("IsVolumeSupported", _ => components.IsVolumeSupported(root), CancellationToken.None);
        }
        finally
        {
            components.Dispose();
        }
    }

    /// <summary>The writers of this machine and their components, now.</summary>
    /// <exception cref="VssSupportException">VSS does not tell them.</exception>
    public static IReadOnlyList<SnapshotWriter> ListWriters(IVssService service, TimeSpan timeout, CancellationToken cancellation)
    {
        var calls = new VssCalls(timeout, _ => { });
        IVssBackupComponents components = Create(service, calls, cancellation);
        try
        {
            calls.Run("InitializeForBackup", () => components.InitializeForBackup(null), cancellation);
            calls.Wait("GatherWriterMetadata", components.GatherWriterMetadataAsync, cancellation);
            calls.Wait("GatherWriterStatus", components.GatherWriterStatusAsync, cancellation);
            return calls.Run("GetWriterMetadata", _ => components.WriterMetadata.Select(writer => Describe(writer, components.WriterStatus)).ToList(), cancellation);
        }
        finally
        {
            components.Dispose();
        }
    }

    private static SnapshotWriter Describe(IVssExamineWriterMetadata writer, IList<VssWriterStatusInfo> states)
    {
        VssWriterStatusInfo? state = states.FirstOrDefault(one => one.InstanceId == writer.InstanceId);
        var paths = new List<string>();
        foreach (IVssWMComponent component in writer.Components)
        {
            using (component)
                paths.Add(string.IsNullOrEmpty(component.LogicalPath) ? component.ComponentName : component.LogicalPath + "\\" + component.ComponentName);
        }
        return new SnapshotWriter
        {
            Name = writer.WriterName,
            Id = writer.WriterId,
            InstanceId = writer.InstanceId,
            State = VssResult.StateWords((int)(state?.State ?? VssWriterState.Unknown)),
            Failure = state is null || state.Failure == VssError.Success ? null : state.Failure.ToString(),
            Components = paths,
        };
    }

    /// <summary>Deletes the orphan set of a killed run, if VSS still has it.</summary>
    /// <exception cref="VssSupportException">It is still there.</exception>
    public static void DeleteLeft(IVssService service, IReadOnlyDictionary<string, string> values, Action<string> log)
    {
        if (VssRecord.SetOf(values) is not { } set)
        {
            log($"VSS: the {VssRecord.NameOf(values)} had no id yet when its run was killed; VSS drops such a set with its process.");
            return;
        }
        var calls = new VssCalls(new SnapshotOptions().Timeout, log);
        IVssBackupComponents components = Create(service, calls, CancellationToken.None);
        try
        {
            calls.Run("InitializeForBackup", () => components.InitializeForBackup(null), CancellationToken.None);
            calls.Run("SetContext", () => components.SetContext(VssSnapshotContext.All), CancellationToken.None);
            bool isThere = calls.Run("QuerySnapshots", _ => components.QuerySnapshots().Any(known => known.SnapshotSetId == set), CancellationToken.None);
            if (isThere)
                calls.Run($"DeleteSnapshotSet {set:B}", () => Delete(components, set), CancellationToken.None);
        }
        finally
        {
            components.Dispose();
        }
    }

    private static void Delete(IVssBackupComponents components, Guid set)
    {
        try
        {
            components.DeleteSnapshotSet(set, true);
        }
        catch (VssObjectNotFoundException)
        {
            // It never came to be, or is gone already.
        }
    }
}
