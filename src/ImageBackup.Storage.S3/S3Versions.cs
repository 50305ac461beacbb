using System;
using System.Collections.Generic;
using System.Threading;
using Amazon.S3.Model;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.S3;

namespace ImageBackup.Storage.S3;

/// <summary>
/// A repository in a versioned bucket as it was at a time: of each key the last version then, unless that was a removal's marker. What came
/// later, removals and other contents under the same names, does not count. Each kind is listed once. Any thread.
/// </summary>
internal sealed class S3Versions(S3Address address, S3Client client, string shown, DateTimeOffset time)
{
    private readonly Dictionary<StoredKind, Dictionary<string, S3ObjectVersion>> _kinds = [];

    /// <summary>Null: there was none.</summary>
    public S3ObjectVersion? Find(StoredKind kind, string key, CancellationToken cancellation) =>
        Of(kind, cancellation).TryGetValue(key, out S3ObjectVersion? version) ? version : null;

    public IReadOnlyCollection<S3ObjectVersion> All(StoredKind kind, CancellationToken cancellation) => Of(kind, cancellation).Values;

    private Dictionary<string, S3ObjectVersion> Of(StoredKind kind, CancellationToken cancellation)
    {
        lock (_kinds)
        {
            if (_kinds.TryGetValue(kind, out Dictionary<string, S3ObjectVersion>? known))
                return known;
            return _kinds[kind] = List(kind == StoredKind.Config ? "config" : StoredFolder.Of(kind) + "/", cancellation);
        }
    }

    private Dictionary<string, S3ObjectVersion> List(string folder, CancellationToken cancellation)
    {
        var found = new Dictionary<string, S3ObjectVersion>(StringComparer.Ordinal);
        var decided = new HashSet<string>(StringComparer.Ordinal);
        string? key = null, version = null;
        bool hasMore;
        do
        {
            var request = new ListVersionsRequest { BucketName = address.Bucket, Prefix = address.Prefix + folder, KeyMarker = key, VersionIdMarker = version };
            ListVersionsResponse answer = client.Run(new S3Call(shown + "/" + folder, IsWrite: false, cancellation), async (service, timer) =>
                await service.ListVersionsAsync(request, timer.Token).ConfigureAwait(false));
            // The newest of a key comes first.
            foreach (S3ObjectVersion each in answer.Versions ?? [])
            {
                if (each.LastModified is not { } modified || new DateTimeOffset(modified.ToUniversalTime()) > time || !decided.Add(each.Key))
                    continue;
                if (each.IsDeleteMarker != true)
                    found.Add(each.Key, each);
            }
            hasMore = answer.IsTruncated == true;
            (key, version) = (answer.NextKeyMarker, answer.NextVersionIdMarker);
        }
        while (hasMore && key is not null);
        return found;
    }
}
