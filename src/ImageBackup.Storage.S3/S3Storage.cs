using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Amazon.S3;
using Amazon.S3.Model;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Http;
using ImageBackup.Engine.Storage.S3;
using ImageBackup.Engine.Storage.Spooling;

namespace ImageBackup.Storage.S3;

/// <summary>A repository in a bucket, laid out as restic's default layout: <c>data/xx/NAME</c>, one folder for each other kind.</summary>
/// <remarks>
/// A file appears under its key when it is whole, or not at all. Each PUT carries the hash of its content, which the service checks, and
/// If-None-Match: a name that is taken is left as it is, so an upload whose answer was lost is sent again without harm. Services that do
/// not know that header write the same bytes once more: a name is the hash of its content. Only 'config' is not, and is looked for before.
/// With a retention each PUT but a lock's names the time until which the object is kept. A removal then puts a marker before it.
/// With a point in time nothing is written, and each file is the version that was the last one then.
/// </remarks>
internal sealed class S3Storage : IRetainingStorage
{
    private const int CopyBytes = 64 << 10;

    private readonly S3Address _address;
    private readonly S3Client _client;
    private readonly S3Versions? _versions;
    private readonly object _lockGate = new();
    private volatile bool _lacksConditions;
    private bool _hasAskedForLock;
    private DateTimeOffset _keptUntil;

    public S3Storage(StorageLocation location, S3Address address)
    {
        Location = location;
        Traits = StorageTraits.Remote with { Connections = address.Access.Connections };
        _address = address;
        _client = new S3Client(address, location.DisplayName);
        if (address.PointInTime is { } time)
            _versions = new S3Versions(address, _client, location.DisplayName, time);
    }

    public StorageLocation Location { get; }

    public StorageTraits Traits { get; }

    /// <summary>There are no folders to make; the bucket is made if it is not there, as restic does.</summary>
    public void CreateLayout(CancellationToken cancellation)
    {
        ThrowIfReadOnly(Location.DisplayName);
        try
        {
            _ = _client.Run(new S3Call(Location.DisplayName, IsWrite: false, cancellation), (client, timer) => Page(client, "", 1, timer));
            RequireObjectLock(cancellation);
            return;
        }
        catch (StorageException e) when (e.Problem == StorageProblem.NoContainer)
        {
        }
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

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation)
    {
        // An answer to HEAD has no body: only one to GET says that it is the bucket that is not there, or why a login is refused.
        if (kind == StoredKind.Config)
        {
            try
            {
                return Get(new ReadCall(kind, name, null, cancellation), (_, _) => Task.FromResult(true));
            }
            catch (StorageException e) when (e.Problem == StorageProblem.NotFound)
            {
                return false;
            }
        }
        return Head(kind, name, cancellation) is not null;
    }

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => Head(kind, name, cancellation)
        ?? throw new StorageException(StorageProblem.NotFound, Shown(kind, name), "The bucket has no such file.");

    /// <summary>Null: it is not there.</summary>
    private long? Head(StoredKind kind, string name, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        if (_versions is not null)
            return _versions.Find(kind, key, cancellation)?.Size;
        try
        {
            return _client.Run<long?>(new S3Call(Shown(kind, name), IsWrite: false, cancellation), async (client, timer) =>
                (await client.GetObjectMetadataAsync(new GetObjectMetadataRequest { BucketName = _address.Bucket, Key = key }, timer.Token).ConfigureAwait(false)).ContentLength);
        }
        catch (StorageException e) when (e.Problem == StorageProblem.NotFound)
        {
            return null;
        }
    }

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation)
    {
        if (kind == StoredKind.Config)
            return Head(kind, "", cancellation) is { } lengthBytes ? [new StoredFile(kind, "", lengthBytes)] : [];
        string folder = FolderOf(kind);
        var found = new List<StoredFile>();
        if (_versions is not null)
        {
            foreach (S3ObjectVersion version in _versions.All(kind, cancellation))
                Add(version);
            return found;
        }
        string? token = null;
        do
        {
            string? from = token;
            (IEnumerable<S3Object> files, token) = _client.Run(new S3Call(Location.DisplayName + "/" + folder, IsWrite: false, cancellation), (client, timer) => Page(client, folder, 0, timer, from));
            foreach (S3Object file in files)
                Add(file);
        }
        while (token is not null);
        return found;

        void Add(S3Object file)
        {
            string name = file.Key.Substring(file.Key.LastIndexOf('/') + 1);
            if (Hex.IsName(name) && file.Key == KeyOf(kind, name) && file.Size is >= 0 and var lengthBytes)
                found.Add(new StoredFile(kind, name, lengthBytes) { ModifiedTime = kind == StoredKind.Lock && file.LastModified is { } time ? new DateTimeOffset(time.ToUniversalTime()) : null });
        }
    }

    /// <summary>A page of keys below a folder, and where the next begins; null: it was the last.</summary>
    private async Task<(IEnumerable<S3Object> Files, string? Next)> Page(AmazonS3Client client, string folder, int limit, IdleTimer timer, string? from = null)
    {
        if (_address.ListsByVersion1)
        {
            var request = new ListObjectsRequest { BucketName = _address.Bucket, Prefix = _address.Prefix + folder, Marker = from };
            if (limit > 0)
                request.MaxKeys = limit;
            ListObjectsResponse old = await client.ListObjectsAsync(request, timer.Token).ConfigureAwait(false);
            ThrowIfNoBucket(old, folder);
            List<S3Object> files = old.S3Objects ?? [];
            // Without a delimiter the service need not say the next marker: it is the last key.
            return (files, old.IsTruncated == true ? old.NextMarker is { Length: > 0 } next ? next : files.LastOrDefault()?.Key : null);
        }
        var second = new ListObjectsV2Request { BucketName = _address.Bucket, Prefix = _address.Prefix + folder, ContinuationToken = from };
        if (limit > 0)
            second.MaxKeys = limit;
        ListObjectsV2Response answer = await client.ListObjectsV2Async(second, timer.Token).ConfigureAwait(false);
        ThrowIfNoBucket(answer, folder);
        return (answer.S3Objects ?? [], answer.IsTruncated == true ? answer.NextContinuationToken : null);
    }

    /// <summary>The SDK takes the answer that the bucket is not there for a list of nothing.</summary>
    private void ThrowIfNoBucket(Amazon.Runtime.AmazonWebServiceResponse answer, string folder)
    {
        if (answer.HttpStatusCode == System.Net.HttpStatusCode.NotFound)
            throw S3Failure.NoBucket(Location.DisplayName + "/" + folder);
    }

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation) =>
        Get(new ReadCall(kind, name, null, cancellation), async (answer, timer) =>
        {
            if (answer.ContentLength > limitBytes)
                throw new StorageException(StorageProblem.TooLarge, Shown(kind, name), $"The file is longer than the {limitBytes} bytes that are expected.");
            byte[] content = new byte[answer.ContentLength];
            await Fill(answer, content, content.Length, timer).ConfigureAwait(false);
            return content;
        });

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation)
    {
        if (countBytes == 0)
            return;
        Get(new ReadCall(kind, name, new Amazon.S3.Model.ByteRange(offsetBytes, offsetBytes + countBytes - 1), cancellation), async (answer, timer) =>
        {
            if (answer.ContentLength < countBytes)
                throw new StorageException(StorageProblem.TooShort, Shown(kind, name), $"The file ends before offset {offsetBytes + countBytes}.");
            if (answer.ContentLength > countBytes)
                throw new StorageException(StorageProblem.ReadError, Shown(kind, name), "The service does not give a part of a file.") { IsPermanent = true };
            await Fill(answer, buffer, countBytes, timer).ConfigureAwait(false);
            return true;
        });
    }

    private T Get<T>(ReadCall read, Func<GetObjectResponse, IdleTimer, Task<T>> use)
    {
        var request = new GetObjectRequest { BucketName = _address.Bucket, Key = KeyOf(read.Kind, read.Name), ByteRange = read.Range };
        if (_versions is not null)
        {
            request.VersionId = (_versions.Find(read.Kind, request.Key, read.Cancellation)
                ?? throw new StorageException(StorageProblem.NotFound, Shown(read.Kind, read.Name), "The bucket had no such file then.")).VersionId;
        }
        return _client.Run(new S3Call(Shown(read.Kind, read.Name), IsWrite: false, read.Cancellation), async (client, timer) =>
        {
            using GetObjectResponse answer = await client.GetObjectAsync(request, timer.Token).ConfigureAwait(false);
            timer.Touch();
            return await use(answer, timer).ConfigureAwait(false);
        });
    }

    /// <param name="Kind">The file's.</param>
    /// <param name="Name">The file's.</param>
    /// <param name="Range">What of it; null: all.</param>
    /// <param name="Cancellation">Ends it at once.</param>
    private readonly record struct ReadCall(StoredKind Kind, string Name, Amazon.S3.Model.ByteRange? Range, CancellationToken Cancellation);

    private static async Task Fill(GetObjectResponse answer, byte[] buffer, int countBytes, IdleTimer timer)
    {
        for (int done = 0, part; done < countBytes; done += part)
        {
            part = await answer.ResponseStream.ReadAsync(buffer, done, Math.Min(CopyBytes, countBytes - done), timer.Token).ConfigureAwait(false);
            if (part == 0)
                throw new IOException($"The answer ended after {done} of {countBytes} bytes.");
            timer.Touch();
        }
    }

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        byte[] copy = content.ToArray();
        Put(kind, name, () => new MemoryStream(copy, writable: false), cancellation);
    }

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ThrowIfReadOnly(Location.DisplayName);
        return new SpooledUpload(Location.DisplayName, (name, _, open, token) => Put(kind, name, open, token));
    }

    private void Put(StoredKind kind, string name, Func<Stream> open, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        ThrowIfReadOnly(Shown(kind, name));
        // The first thing that is written may be a lock: nothing is before it is known that the rest can be kept.
        RequireObjectLock(cancellation);
        if ((kind == StoredKind.Config || _lacksConditions) && Head(kind, name, cancellation) is not null)
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

    private void ThrowIfReadOnly(string shown)
    {
        if (_versions is not null)
            throw new StorageException(StorageProblem.ReadOnly, shown, "The repository is opened as it was at a point in time, which cannot be changed.");
    }

    public void Delete(StoredKind kind, string name, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        ThrowIfReadOnly(Shown(kind, name));
        try
        {
            _client.Run(new S3Call(Shown(kind, name), IsWrite: true, cancellation), async (client, timer) =>
            {
                await client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = _address.Bucket, Key = key }, timer.Token).ConfigureAwait(false);
                return true;
            });
        }
        catch (StorageException e) when (e.Problem == StorageProblem.AccessDenied)
        {
            throw new StorageException(StorageProblem.RemovalForbidden, e.Path, e.Message, e);
        }
        catch (StorageException e) when (e.Problem == StorageProblem.NotFound)
        {
        }
    }

    /// <summary>A service answers a deletion when it is done.</summary>
    public void SyncDeletions(StoredKind kind, CancellationToken cancellation)
    {
    }

    /// <summary>Nothing: the system removes what waits for the service.</summary>
    public int RemoveAbandonedUploads(CancellationToken cancellation) => 0;

    public void Dispose() => _client.Dispose();

    private static string FolderOf(StoredKind kind) => StoredFolder.Of(kind) + "/";

    private string KeyOf(StoredKind kind, string name) => _address.Prefix + StoredFolder.KeyOf(kind, name);

    private string Shown(StoredKind kind, string name) => Location.DisplayName + "/" + StoredFolder.KeyOf(kind, name);
}
