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
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Azure;
using ImageBackup.Engine.Storage.Http;
using ImageBackup.Engine.Storage.Spooling;

namespace ImageBackup.Storage.Azure;

/// <summary>A repository in a container of Azure's blob storage, laid out as restic's default layout: <c>data/xx/NAME</c>, one folder for each other kind.</summary>
/// <remarks>
/// A file is one Put Blob: it appears under its name when it is whole, or not at all. Each carries the MD5 of its content, which the
/// service checks, and If-None-Match: a name that is taken is left as it is, so an upload whose answer was lost is sent again without harm.
/// </remarks>
internal sealed class AzureStorage : IStorage
{
    private const int CopyBytes = 64 << 10;

    /// <summary>The service's limit of one Put Blob, which no pack reaches: below it nothing is sent in blocks.</summary>
    private const long PutBytes = 5000L << 20;

    private readonly AzureAddress _address;
    private readonly AzureClient _client;

    public AzureStorage(StorageLocation location, AzureAddress address)
    {
        Location = location;
        Traits = StorageTraits.Remote with { Connections = address.Access.Connections };
        _address = address;
        _client = new AzureClient(address, location.DisplayName);
    }

    public StorageLocation Location { get; }

    public StorageTraits Traits { get; }

    /// <summary>So many files a page of a list; null: the service's own number.</summary>
    public int? PageFiles { get; init; }

    /// <summary>There are no folders to make; the container is made if it is not there, as restic does.</summary>
    public void CreateLayout(CancellationToken cancellation)
    {
        try
        {
            _ = Page(new AzureCall(Location.DisplayName, IsWrite: false, cancellation), "", from: null, limit: 1);
            return;
        }
        catch (StorageException e) when (e.Problem == StorageProblem.NoContainer)
        {
        }
        _client.Run(new AzureCall(Location.DisplayName, IsWrite: true, cancellation), async (container, timer) =>
        {
            // Made by somebody else at the same moment, or by us before an answer was lost: that is well, too.
            await container.CreateIfNotExistsAsync(cancellationToken: timer.Token).ConfigureAwait(false);
            return true;
        });
    }

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation)
    {
        // An answer to HEAD has no body: only one to GET says why a login is refused.
        if (kind == StoredKind.Config)
        {
            try
            {
                return Get(new ReadCall(kind, name, default, cancellation), (_, _) => Task.FromResult(true));
            }
            catch (StorageException e) when (e.Problem == StorageProblem.NotFound)
            {
                return false;
            }
        }
        return Head(kind, name, cancellation) is not null;
    }

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => Head(kind, name, cancellation)
        ?? throw new StorageException(StorageProblem.NotFound, Shown(kind, name), "The container has no such file.");

    /// <summary>Null: it is not there.</summary>
    private long? Head(StoredKind kind, string name, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        try
        {
            return _client.Run<long?>(new AzureCall(Shown(kind, name), IsWrite: false, cancellation), async (container, timer) =>
                (await container.GetBlobClient(key).GetPropertiesAsync(cancellationToken: timer.Token).ConfigureAwait(false)).Value.ContentLength);
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
        string folder = StoredFolder.Of(kind) + "/";
        var found = new List<StoredFile>();
        string? next = null;
        do
        {
            (IReadOnlyList<BlobItem> files, next) = Page(new AzureCall(Location.DisplayName + "/" + folder, IsWrite: false, cancellation), folder, next, PageFiles);
            foreach (BlobItem file in files)
            {
                string name = file.Name.Substring(file.Name.LastIndexOf('/') + 1);
                if (Hex.IsName(name) && file.Name == KeyOf(kind, name) && file.Properties.ContentLength is >= 0 and var lengthBytes)
                    found.Add(new StoredFile(kind, name, lengthBytes) { ModifiedTime = kind == StoredKind.Lock ? file.Properties.LastModified : null });
            }
        }
        while (next is not null);
        return found;
    }

    /// <summary>A page of names below a folder, and where the next begins; null: it was the last.</summary>
    private (IReadOnlyList<BlobItem> Files, string? Next) Page(AzureCall call, string folder, string? from, int? limit) => _client.Run(call, async (container, timer) =>
    {
        AsyncPageable<BlobItem> all = container.GetBlobsAsync(new GetBlobsOptions { Prefix = _address.Prefix + folder }, timer.Token);
        await using IAsyncEnumerator<Page<BlobItem>> pages = all.AsPages(from, limit).GetAsyncEnumerator(timer.Token);
        if (!await pages.MoveNextAsync().ConfigureAwait(false))
            return ([], null);
        return (pages.Current.Values, pages.Current.ContinuationToken is { Length: > 0 } token ? token : null);
    });

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation) =>
        Get(new ReadCall(kind, name, default, cancellation), async (answer, timer) =>
        {
            if (answer.Details.ContentLength > limitBytes)
                throw new StorageException(StorageProblem.TooLarge, Shown(kind, name), $"The file is longer than the {limitBytes} bytes that are expected.");
            byte[] content = new byte[answer.Details.ContentLength];
            await Fill(answer, content, content.Length, timer).ConfigureAwait(false);
            return content;
        });

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation)
    {
        if (countBytes == 0)
            return;
        Get(new ReadCall(kind, name, new HttpRange(offsetBytes, countBytes), cancellation), async (answer, timer) =>
        {
            if (answer.Details.ContentLength < countBytes)
                throw new StorageException(StorageProblem.TooShort, Shown(kind, name), $"The file ends before offset {offsetBytes + countBytes}.");
            if (answer.Details.ContentLength > countBytes)
                throw new StorageException(StorageProblem.ReadError, Shown(kind, name), "The service does not give a part of a file.") { IsPermanent = true };
            await Fill(answer, buffer, countBytes, timer).ConfigureAwait(false);
            return true;
        });
    }

    private T Get<T>(ReadCall read, Func<BlobDownloadStreamingResult, IdleTimer, Task<T>> use)
    {
        string key = KeyOf(read.Kind, read.Name);
        return _client.Run(new AzureCall(Shown(read.Kind, read.Name), IsWrite: false, read.Cancellation), async (container, timer) =>
        {
            var options = new BlobDownloadOptions { Range = read.Range };
            using BlobDownloadStreamingResult answer = (await container.GetBlobClient(key).DownloadStreamingAsync(options, timer.Token).ConfigureAwait(false)).Value;
            timer.Touch();
            return await use(answer, timer).ConfigureAwait(false);
        });
    }

    /// <param name="Kind">The file's.</param>
    /// <param name="Name">The file's.</param>
    /// <param name="Range">What of it; the default: all.</param>
    /// <param name="Cancellation">Ends it at once.</param>
    private readonly record struct ReadCall(StoredKind Kind, string Name, HttpRange Range, CancellationToken Cancellation);

    private static async Task Fill(BlobDownloadStreamingResult answer, byte[] buffer, int countBytes, IdleTimer timer)
    {
        for (int done = 0, part; done < countBytes; done += part)
        {
            part = await answer.Content.ReadAsync(buffer, done, Math.Min(CopyBytes, countBytes - done), timer.Token).ConfigureAwait(false);
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
        return new SpooledUpload(Location.DisplayName, (name, _, open, token) => Put(kind, name, open, token));
    }

    private void Put(StoredKind kind, string name, Func<Stream> open, CancellationToken cancellation)
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

    public void Delete(StoredKind kind, string name, CancellationToken cancellation)
    {
        string key = KeyOf(kind, name);
        try
        {
            _client.Run(new AzureCall(Shown(kind, name), IsWrite: true, cancellation), async (container, timer) =>
            {
                await container.GetBlobClient(key).DeleteAsync(cancellationToken: timer.Token).ConfigureAwait(false);
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

    private string KeyOf(StoredKind kind, string name) => _address.Prefix + StoredFolder.KeyOf(kind, name);

    private string Shown(StoredKind kind, string name) => Location.DisplayName.TrimEnd('/') + "/" + StoredFolder.KeyOf(kind, name);
}
