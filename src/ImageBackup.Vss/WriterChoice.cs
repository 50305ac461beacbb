using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Alphaleonis.Win32.Vss;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Vss;

/// <summary>Which writers take part, as VSS wants it said: by class id; both empty: all.</summary>
internal sealed class WriterChoice
{
    public Guid[] Enabled { get; private init; } = [];
    public Guid[] Disabled { get; private init; } = [];

    /// <summary>None takes part.</summary>
    public bool None { get; private init; }

    /// <summary>Names are looked up in an object of their own: the one that makes the snapshot must be told before it gathers the metadata.</summary>
    /// <exception cref="VssSupportException">A name that no writer bears, or VSS failed.</exception>
    public static WriterChoice Of(IVssService service, VssCalls calls, SnapshotOptions options, CancellationToken cancellation)
    {
        if (options.WithoutWriters)
            return new WriterChoice { None = true };
        IReadOnlyList<string> all = [.. options.IncludeWriters, .. options.ExcludeWriters];
        IReadOnlyList<(string Name, Guid Id)> known = all.All(name => Guid.TryParse(name, out _)) ? [] : Known(service, calls, cancellation);
        Guid[] excluded = Ids(options.ExcludeWriters, known);
        // One list only: after a first call that enables, every other writer is disabled.
        return options.IncludeWriters.Count > 0
            ? new WriterChoice { Enabled = [.. Ids(options.IncludeWriters, known).Except(excluded)] }
            : new WriterChoice { Disabled = excluded };
    }

    /// <summary>Failed at one of the events.</summary>
    public static bool HasFailed(VssWriterStatusInfo status) =>
        status.State is >= VssWriterState.FailedAtIdentify and <= VssWriterState.FailedAtBackupShutdown || status.Failure != VssError.Success;

    /// <summary>Worth another attempt ("Writer Errors and Vetoes").</summary>
    public static bool MayPass(VssWriterStatusInfo status) => status.Failure is VssError.WriterErrorRetryable or VssError.WriterTimeout
        or VssError.WriterOutOfResources or VssError.WriterNotResponding or VssError.WriterInfrastructureError;

    public static string Describe(VssWriterStatusInfo status)
    {
        string text = $"'{status.Name}' is {status.State} ({status.Failure})";
        return string.IsNullOrEmpty(status.ApplicationErrorMessage) ? text : $"{text}: {status.ApplicationErrorMessage}";
    }

    private static Guid[] Ids(IReadOnlyList<string> names, IReadOnlyList<(string Name, Guid Id)> known)
    {
        var ids = new List<Guid>();
        foreach (string name in names)
        {
            if (Guid.TryParse(name, out Guid id))
            {
                ids.Add(id);
                continue;
            }
            Guid[] found = [.. known.Where(writer => string.Equals(writer.Name, name, StringComparison.OrdinalIgnoreCase)).Select(writer => writer.Id)];
            if (found.Length == 0)
            {
                throw new VssSupportException(VssSupport.Hopeless,
                    $"this machine has no VSS writer '{name}'; it has {string.Join(", ", known.Select(writer => $"'{writer.Name}'").Distinct())}");
            }
            ids.AddRange(found);
        }
        return [.. ids.Distinct()];
    }

    private static List<(string Name, Guid Id)> Known(IVssService service, VssCalls calls, CancellationToken cancellation)
    {
        IVssBackupComponents components = VssSession.Create(service, calls, cancellation);
        try
        {
            calls.Run("InitializeForBackup", () => components.InitializeForBackup(null), cancellation);
            calls.Wait("GatherWriterMetadata", components.GatherWriterMetadataAsync, cancellation);
            return calls.Run("GetWriterMetadata", _ => components.WriterMetadata.Select(writer => (writer.WriterName, writer.WriterId)).ToList(), cancellation);
        }
        finally
        {
            components.Dispose();
        }
    }
}
