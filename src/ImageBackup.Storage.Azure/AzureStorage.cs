using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Azure;
using ImageBackup.Engine.Storage.Http;

namespace ImageBackup.Storage.Azure;

/// <summary>A repository in a container of Azure's blob storage.</summary>
/// <remarks>
/// A file is one Put Blob: it appears under its name when it is whole, or not at all. Each carries the MD5 of its content, which the
/// service checks, and If-None-Match: a name that is taken is left as it is, so an upload whose answer was lost is sent again without harm.
/// </remarks>
internal sealed class AzureStorage : ObjectStorage
{
    /// <summary>The service's limit of one Put Blob, which no pack reaches: below it nothing is sent in blocks.</summary>
    private const long PutBytes = 5000L << 20;

    private readonly AzureAddress _address;
    private readonly AzureClient _client;

    public AzureStorage(StorageLocation location, AzureAddress address)
        : base(location, address.Prefix, address.Access.Connections)
    {
        _address = address;
        _client = new AzureClient(address, location.DisplayName);
    }

    /// <summary>So many files a page of a list; null: the service's own number.</summary>
    public int? PageFiles { get; init; }

    protected override void CreateContainer(CancellationToken cancellation) =>
        _client.Run(new AzureCall(Location.DisplayName, IsWrite: true, cancellation), async (container, timer) =>
        {
            // Made by somebody else at the same moment, or by us before an answer was lost: that is well, too.
            await container.CreateIfNotExistsAsync(cancellationToken: timer.Token).ConfigureAwait(false);
            return true;
        });

    protected override long? Head(StoredKind kind, string name, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        return _client.Run<long?>(new AzureCall(Shown(kind, name), IsWrite: false, cancellation), async (container, timer) =>
            (await container.GetBlobClient(key).GetPropertiesAsync(cancellationToken: timer.Token).ConfigureAwait(false)).Value.ContentLength);
    }

    protected override Page ListPage(StoredKind? kind, string? from, int? limit, CancellationToken cancellation) =>
        _client.Run(new AzureCall(ShownFolder(kind), IsWrite: false, cancellation), async (container, timer) =>
        {
            AsyncPageable<BlobItem> all = container.GetBlobsAsync(new GetBlobsOptions { Prefix = KeysOf(kind) }, timer.Token);
            await using IAsyncEnumerator<Page<BlobItem>> pages = all.AsPages(from, limit ?? PageFiles).GetAsyncEnumerator(timer.Token);
            if (!await pages.MoveNextAsync().ConfigureAwait(false))
                return new Page([], null);
            return new Page(pages.Current.Values.Select(file => new Listed(file.Name, file.Properties.ContentLength, file.Properties.LastModified)),
                pages.Current.ContinuationToken is { Length: > 0 } token ? token : null);
        });

    protected override T Get<T>(ReadCall read, Func<Answer, IdleTimer, Task<T>> use)
    {
        string key = KeyOf(read.Kind, read.Name);
        return _client.Run(new AzureCall(Shown(read.Kind, read.Name), IsWrite: false, read.Cancellation), async (container, timer) =>
        {
            var options = new BlobDownloadOptions { Range = read.CountBytes is { } countBytes ? new HttpRange(read.OffsetBytes, countBytes) : default };
            using BlobDownloadStreamingResult answer = (await container.GetBlobClient(key).DownloadStreamingAsync(options, timer.Token).ConfigureAwait(false)).Value;
            timer.Touch();
            return await use(new Answer(answer.Details.ContentLength, answer.Content), timer).ConfigureAwait(false);
        });
    }

    protected override void Put(StoredKind kind, string name, Func<Stream> open, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        _client.Run(new AzureCall(Shown(kind, name), IsWrite: true, cancellation), async (container, timer) =>
        {
            var options = new BlobUploadOptions
            {
                Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All },
                HttpHeaders = new BlobHttpHeaders { ContentType = "application/octet-stream" },
                TransferOptions = new StorageTransferOptions { InitialTransferSize = PutBytes, MaximumTransferSize = PutBytes, MaximumConcurrency = 1 },
                TransferValidation = new UploadTransferValidationOptions { ChecksumAlgorithm = StorageChecksumAlgorithm.MD5 },
            };
            if (_address.AccessTier is { } tier)
                options.AccessTier = new AccessTier(tier);
            try
            {
                using var content = new ProgressStream(open(), timer);
                await container.GetBlockBlobClient(key).UploadAsync(content, options, timer.Token).ConfigureAwait(false);
            }
            catch (RequestFailedException e) when (e.ErrorCode is "BlobAlreadyExists" || e.Status == 412)
            {
                // The name is taken: by the same content, or by ours whose answer was lost.
            }
            return true;
        });
    }

    protected override void Remove(StoredKind kind, string name, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        _client.Run(new AzureCall(Shown(kind, name), IsWrite: true, cancellation), async (container, timer) =>
        {
            await container.GetBlobClient(key).DeleteAsync(cancellationToken: timer.Token).ConfigureAwait(false);
            return true;
        });
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _client.Dispose();
    }
}
