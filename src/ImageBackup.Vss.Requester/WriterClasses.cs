using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester;

/// <summary>Which writers take part, as VSS wants it said: by class id; both empty: all.</summary>
internal static class WriterClasses
{
    /// <param name="request">What the user named.</param>
    /// <param name="known">Looks up this machine's writers; called only if a name is not an id.</param>
    /// <exception cref="VssFailureException">A name that no writer bears, or VSS failed.</exception>
    public static (IReadOnlyList<Guid> Enabled, IReadOnlyList<Guid> Disabled) Of(TakeRequest request, Func<IReadOnlyList<WriterMetadata>> known)
    {
        List<string> all = [.. request.IncludeWriters, .. request.ExcludeWriters];
        IReadOnlyList<WriterMetadata> writers = all.TrueForAll(name => Guid.TryParse(name, out _)) ? [] : known();
        Guid[] excluded = Ids(request.ExcludeWriters, writers);
        // One list only: after a first call that enables, every other writer is disabled.
        return request.IncludeWriters.Count > 0 ? (Ids(request.IncludeWriters, writers).Except(excluded).ToArray(), []) : ([], excluded);
    }

    public static WriterReport Report(WriterMetadata writer, IReadOnlyList<WriterReport> states, Func<WriterMetadataComponent, bool> isIncluded)
    {
        WriterReport? state = states.FirstOrDefault(one => one.InstanceId == writer.InstanceId);
        return new WriterReport(writer.ClassId, writer.InstanceId, writer.Name, state?.State ?? 0, state?.Failure ?? 0,
            [.. writer.Components.Select(component => new WriterComponent(component.Path, component.Caption, isIncluded(component)))]);
    }

    private static Guid[] Ids(IReadOnlyList<string> names, IReadOnlyList<WriterMetadata> known)
    {
        var ids = new List<Guid>();
        foreach (string name in names)
        {
            if (Guid.TryParse(name, out Guid id))
            {
                ids.Add(id);
                continue;
            }
            Guid[] found = [.. known.Where(writer => string.Equals(writer.Name, name, StringComparison.OrdinalIgnoreCase)).Select(writer => writer.ClassId)];
            if (found.Length == 0)
            {
                throw new VssFailureException(FailureKind.Hopeless,
                    $"this machine has no VSS writer '{name}'; it has {string.Join(", ", known.Select(writer => $"'{writer.Name}'").Distinct())}");
            }
            ids.AddRange(found);
        }
        return [.. ids.Distinct()];
    }
}
