using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Amazon.S3;
using Amazon.S3.Model;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Http;
using ImageBackup.Engine.Storage.S3;

namespace ImageBackup.Storage.S3;

/// <summary>A repository in a bucket.</summary>
/// <remarks>
/// A file appears under its key when it is whole, or not at all. Each PUT carries the hash of its content, which the service checks, and
/// If-None-Match: a name that is taken is left as it is, so an upload whose answer was lost is sent again without harm. Services that do
/// not know that header write the same bytes once more: a name is the hash of its content. Only 'config' is not, and is looked for before.
/// With a retention each PUT but a lock's names the time until which the object is kept. A removal then puts a marker before it.
/// With a point in time each file is the version that was the last one then; its location is one for reading.
/// </remarks>
internal sealed class S3Storage : ObjectStorage, IRetainingStorage
{
    private readonly S3Address _address;
    private readonly S3Client _client;
    private readonly S3Versions? _versions;
    private readonly object _lockGate = new();
    private volatile bool _lacksConditions;
    private bool _hasAskedForLock;
    private DateTimeOffset _keptUntil;

    public S3Storage(StorageLocation location, S3Address address)
        : base(location, address.Prefix, address.Access.Connections)
    {
        _address = address;
        _client = new S3Client(address, location.DisplayName);
        if (address.PointInTime is { } time)
            _versions = new S3Versions(address, _client, location.DisplayName, time);
    }

    public override void CreateLayout(CancellationToken cancellation)
    {
        base.CreateLayout(cancellation);
        RequireObjectLock(cancellation);
    }

    protected override void CreateContainer(CancellationToken cancellation)
    {
        _client.Run(new S3Call(Location.DisplayName, IsWrite: true, cancellation), async (client, timer) =>
        {
            try
            {
                var request = new PutBucketRequest { BucketName = _address.Bucket, UseClientRegion = false, ObjectLockEnabledForBucket = _address.Retention is not null };
                if (_address.Region is { } region && region != "us-east-1")
                    request.BucketRegionName = region;
                await client.PutBucketAsync(request, timer.Token).ConfigureAwait(false);
            }
            catch (AmazonS3Exception e) when (e.ErrorCode == "BucketAlreadyOwnedByYou")
            {
                // Made by somebody else at the same moment, or by us before an answer was lost.
            }
            return true;
        });
    }

    protected override long? Head(StoredKind kind, string name, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        if (_versions is not null)
            return _versions.Find(kind, key, cancellation)?.Size;
        return _client.Run<long?>(new S3Call(Shown(kind, name), IsWrite: false, cancellation), async (client, timer) =>
            (await client.GetObjectMetadataAsync(new GetObjectMetadataRequest { BucketName = _address.Bucket, Key = key }, timer.Token).ConfigureAwait(false)).ContentLength);
    }

    protected override Page ListPage(StoredKind? kind, string? from, int? limit, CancellationToken cancellation)
    {
        if (_versions is not null && kind is { } of)
            return new Page(_versions.All(of, cancellation).Select(ListedOf), null);
        (IEnumerable<S3Object> files, string? next) = _client.Run(new S3Call(ShownFolder(kind), IsWrite: false, cancellation), (client, timer) => ListPage(client, kind, from, limit, timer));
        return new Page(files.Select(ListedOf), next);
    }

    private static Listed ListedOf(S3Object file) => new(file.Key, file.Size, file.LastModified is { } time ? new DateTimeOffset(time.ToUniversalTime()) : null);

    /// <summary>A page of keys below a folder, and where the next begins; null: it was the last.</summary>
    private async Task<(IEnumerable<S3Object> Files, string? Next)> ListPage(AmazonS3Client client, StoredKind? kind, string? from, int? limit, IdleTimer timer)
    {
        if (_address.ListsByVersion1)
        {
            var request = new ListObjectsRequest { BucketName = _address.Bucket, Prefix = KeysOf(kind), Marker = from };
            if (limit is not null)
                request.MaxKeys = limit;
            ListObjectsResponse old = await client.ListObjectsAsync(request, timer.Token).ConfigureAwait(false);
            ThrowIfNoBucket(old, kind);
            List<S3Object> files = old.S3Objects ?? [];
            // Without a delimiter the service need not say the next marker: it is the last key.
            return (files, old.IsTruncated == true ? old.NextMarker is { Length: > 0 } next ? next : files.LastOrDefault()?.Key : null);
        }
        var second = new ListObjectsV2Request { BucketName = _address.Bucket, Prefix = KeysOf(kind), ContinuationToken = from };
        if (limit is not null)
            second.MaxKeys = limit;
        ListObjectsV2Response answer = await client.ListObjectsV2Async(second, timer.Token).ConfigureAwait(false);
        ThrowIfNoBucket(answer, kind);
        return (answer.S3Objects ?? [], answer.IsTruncated == true ? answer.NextContinuationToken : null);
    }

    /// <summary>The SDK takes the answer that the bucket is not there for a list of nothing.</summary>
    private void ThrowIfNoBucket(Amazon.Runtime.AmazonWebServiceResponse answer, StoredKind? kind)
    {
        if (answer.HttpStatusCode == System.Net.HttpStatusCode.NotFound)
            throw S3Failure.NoBucket(ShownFolder(kind));
    }

    protected override T Get<T>(ReadCall read, Func<Answer, IdleTimer, Task<T>> use)
    {
        var request = new GetObjectRequest { BucketName = _address.Bucket, Key = KeyOf(read.Kind, read.Name) };
        if (read.CountBytes is { } countBytes)
            request.ByteRange = new Amazon.S3.Model.ByteRange(read.OffsetBytes, read.OffsetBytes + countBytes - 1);
        if (_versions is not null)
        {
            request.VersionId = (_versions.Find(read.Kind, request.Key, read.Cancellation)
                ?? throw new StorageException(StorageProblem.NotFound, Shown(read.Kind, read.Name), "The bucket had no such file then.")).VersionId;
        }
        return _client.Run(new S3Call(Shown(read.Kind, read.Name), IsWrite: false, read.Cancellation), async (client, timer) =>
        {
            using GetObjectResponse answer = await client.GetObjectAsync(request, timer.Token).ConfigureAwait(false);
            timer.Touch();
            return await use(new Answer(answer.ContentLength, answer.ResponseStream), timer).ConfigureAwait(false);
        });
    }

    protected override void Put(StoredKind kind, string name, Func<Stream> open, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        // The first thing that is written may be a lock: nothing is before it is known that the rest can be kept.
        RequireObjectLock(cancellation);
        if ((kind == StoredKind.Config || _lacksConditions) && LengthOrNull(kind, name, cancellation) is not null)
            return;
        _client.Run(new S3Call(Shown(kind, name), IsWrite: true, cancellation), async (client, timer) =>
        {
            // The service wants it with a retention, beside the hash that is signed. Read before: a spooled file has one position.
            bool isKept = kind != StoredKind.Lock && _address.Retention is not null;
            string? md5 = isKept ? Md5(open) : null;
            var request = new PutObjectRequest
            {
                BucketName = _address.Bucket,
                Key = key,
                InputStream = new ProgressStream(open(), timer),
                AutoResetStreamPosition = false,
                ContentType = "application/octet-stream",
                UseChunkEncoding = false,
                DisablePayloadSigning = false,
            };
            if (!_lacksConditions)
                request.IfNoneMatch = "*";
            if (isKept)
            {
                request.ObjectLockMode = LockMode;
                request.ObjectLockRetainUntilDate = NewEnd().UtcDateTime;
                request.MD5Digest = md5;
            }
            if (_address.StorageClass is { } storageClass)
                request.StorageClass = S3StorageClass.FindValue(storageClass);
            try
            {
                await client.PutObjectAsync(request, timer.Token).ConfigureAwait(false);
            }
            catch (AmazonS3Exception e) when ((int)e.StatusCode == 412)
            {
                // The name is taken: by the same content, or by ours whose answer was lost.
            }
            catch (AmazonS3Exception e) when ((int)e.StatusCode == 501 && !_lacksConditions)
            {
                _lacksConditions = true;
                throw new StorageException(StorageProblem.WriteError, Shown(kind, name), "The service does not know conditional writes.", e);
            }
            return true;
        });
    }

    public TimeSpan? RetentionPeriod => _address.Retention;

    private ObjectLockMode LockMode => _address.IsCompliance ? ObjectLockMode.Compliance : ObjectLockMode.Governance;

    /// <summary>A shorter period than an earlier one counts once that has run down: so the 'config' stays the file that is kept for the shortest time.</summary>
    private DateTimeOffset NewEnd()
    {
        DateTimeOffset end = DateTimeOffset.UtcNow + _address.Retention!.Value;
        return end > _keptUntil ? end : _keptUntil;
    }

    /// <exception cref="StorageException">NoObjectLock.</exception>
    private void RequireObjectLock(CancellationToken cancellation)
    {
        if (_address.Retention is null)
            return;
        lock (_lockGate)
        {
            if (_hasAskedForLock)
                return;
            try
            {
                bool isEnabled = _client.Run(new S3Call(Location.DisplayName, IsWrite: false, cancellation), async (client, timer) =>
                    (await client.GetObjectLockConfigurationAsync(new GetObjectLockConfigurationRequest { BucketName = _address.Bucket }, timer.Token).ConfigureAwait(false))
                        .ObjectLockConfiguration?.ObjectLockEnabled == ObjectLockEnabled.Enabled);
                if (!isEnabled)
                    throw new StorageException(StorageProblem.NoObjectLock, Location.DisplayName, "The bucket's object lock is not enabled.");
            }
            catch (StorageException e) when (e.Problem == StorageProblem.AccessDenied)
            {
                // Who may write may not be allowed to ask: the first file that is to be kept tells.
            }
            catch (StorageException e) when (e.Problem == StorageProblem.NotFound || e.InnerException is AmazonS3Exception { StatusCode: System.Net.HttpStatusCode.NotImplemented or System.Net.HttpStatusCode.MethodNotAllowed })
            {
                throw new StorageException(StorageProblem.NoObjectLock, Location.DisplayName, e.Message, e);
            }
            _keptUntil = RetainedUntil(StoredKind.Config, "", cancellation) ?? DateTimeOffset.MinValue;
            _hasAskedForLock = true;
        }
    }

    public DateTimeOffset? RetainedUntil(StoredKind kind, string name, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        try
        {
            return _client.Run<DateTimeOffset?>(new S3Call(Shown(kind, name), IsWrite: false, cancellation), async (client, timer) =>
                (await client.GetObjectRetentionAsync(new GetObjectRetentionRequest { BucketName = _address.Bucket, Key = key }, timer.Token).ConfigureAwait(false))
                    .Retention?.RetainUntilDate is { } time ? new DateTimeOffset(time.ToUniversalTime()) : null);
        }
        catch (StorageException e) when (e.Problem == StorageProblem.NotFound)
        {
            return null;
        }
    }

    public void Retain(StoredKind kind, string name, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        RequireObjectLock(cancellation);
        DateTimeOffset end = NewEnd();
        try
        {
            _client.Run(new S3Call(Shown(kind, name), IsWrite: true, cancellation), async (client, timer) =>
            {
                var retention = new ObjectLockRetention { Mode = _address.IsCompliance ? ObjectLockRetentionMode.Compliance : ObjectLockRetentionMode.Governance, RetainUntilDate = end.UtcDateTime };
                await client.PutObjectRetentionAsync(new PutObjectRetentionRequest { BucketName = _address.Bucket, Key = key, Retention = retention }, timer.Token).ConfigureAwait(false);
                return true;
            });
        }
        catch (StorageException e) when (e.Problem == StorageProblem.NotFound)
        {
        }
        catch (StorageException e) when (e.Problem == StorageProblem.AccessDenied && RetainedUntil(kind, name, cancellation) is { } until && until >= end.AddSeconds(-1))
        {
            // Kept for as long already: a retention is never shortened.
        }
    }

    [SuppressMessage("Security", "CA5351", Justification = "The protocol's word for what was spoilt on its way; SHA-256 is signed beside it.")]
    private static string Md5(Func<Stream> open)
    {
        using Stream content = open();
        using System.Security.Cryptography.MD5 md5 = System.Security.Cryptography.MD5.Create();
        return Convert.ToBase64String(md5.ComputeHash(content));
    }

    protected override void Remove(StoredKind kind, string name, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        _client.Run(new S3Call(Shown(kind, name), IsWrite: true, cancellation), async (client, timer) =>
        {
            await client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = _address.Bucket, Key = key }, timer.Token).ConfigureAwait(false);
            return true;
        });
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _client.Dispose();
    }
}
