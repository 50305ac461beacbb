using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Threading;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Storage.Http;
using ImageBackup.Engine.Storage.Spooling;

namespace ImageBackup.Engine.Storage.Rest;

/// <summary>A repository on a server that speaks restic's REST API, version 2 (doc/100_references.rst, "REST Backend").</summary>
/// <remarks>
/// The servers differ in what they do with a name that is taken: rest-server refuses it (403), rclone writes over it. So an upload
/// whose answer was lost is looked for before it is sent again, and one that is there with its whole length is taken as done.
/// </remarks>
internal sealed class RestStorage : IStorage
{
    private const string ListType = "application/vnd.x.restic.rest.v2";

    /// <summary>A list of some millions of files.</summary>
    private const int ListLimitBytes = 512 << 20;

    private readonly Uri _root;
    private readonly string _shown;
    private readonly HttpExchange _exchange;

    /// <summary>Files whose upload ended without an answer: part of them may be there.</summary>
    private readonly ConcurrentDictionary<string, bool> _uncertain = new(StringComparer.Ordinal);

    private volatile bool _isRclone;

    /// <param name="location">The repository's place.</param>
    /// <param name="root">Its URL, with a slash at the end.</param>
    /// <param name="access">How the server is spoken to.</param>
    /// <param name="isRclone">The server is known to be rclone; else its answers say it.</param>
    public RestStorage(StorageLocation location, Uri root, HttpAccess access, bool isRclone = false)
    {
        _isRclone = isRclone;
        _shown = location.DisplayName.EndsWith("/", StringComparison.Ordinal) ? location.DisplayName : location.DisplayName + "/";
        Location = location;
        Traits = StorageTraits.Remote with { Connections = access.Connections };
        _root = root;
        _exchange = new HttpExchange(access, _shown);
    }

    public StorageLocation Location { get; }

    public StorageTraits Traits { get; }

    public void CreateLayout(CancellationToken cancellation) => Run(new RestCall(HttpMethod.Post, "?create=true", IsWrite: true, cancellation), (answer, timer) =>
        answer.IsSuccessStatusCode ? true : throw HttpExchange.Refused(answer, Location.DisplayName, isWrite: true, timer));

    public bool Exists(StoredKind kind, string name, CancellationToken cancellation) => Head(kind, name, cancellation) is not null;

    public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => Head(kind, name, cancellation)
        ?? throw new StorageException(StorageProblem.NotFound, Shown(kind, name), "The server has no such file.");

    /// <summary>Null: it is not there.</summary>
    private long? Head(StoredKind kind, string name, CancellationToken cancellation)
    {
        string path = PathOf(kind, name);
        return Run<long?>(new RestCall(HttpMethod.Head, path, IsWrite: false, cancellation), (answer, timer) =>
        {
            if (answer.StatusCode == HttpStatusCode.NotFound)
                return null;
            if (!answer.IsSuccessStatusCode)
                throw HttpExchange.Refused(answer, Shown(kind, name), isWrite: false, timer);
            return answer.Content.Headers.ContentLength ?? throw new StorageException(StorageProblem.ReadError, Shown(kind, name), "The server does not say how long the file is.");
        });
    }

    public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation)
    {
        if (kind == StoredKind.Config)
            return Head(kind, "", cancellation) is { } lengthBytes ? [new StoredFile(kind, "", lengthBytes)] : [];
        byte[]? json = Run(new RestCall(HttpMethod.Get, FolderOf(kind), IsWrite: false, cancellation) { Accept = ListType }, (answer, timer) =>
        {
            // rclone answers so if it fails, and an empty list if there is nothing; rest-server if the folder is not there.
            if (answer.StatusCode == HttpStatusCode.NotFound && !_isRclone)
                return null;
            if (!answer.IsSuccessStatusCode)
            {
                StorageException refused = HttpExchange.Refused(answer, _shown + FolderOf(kind), isWrite: false, timer);
                throw answer.StatusCode == HttpStatusCode.NotFound ? new StorageException(StorageProblem.ReadError, refused.Path, refused.Message) : refused;
            }
            if (answer.Content.Headers.ContentType?.MediaType != ListType)
            {
                throw new StorageException(StorageProblem.ReadError, Location.DisplayName, "The server does not answer as a REST server for restic repositories does (version 2 of its lists).")
                {
                    IsPermanent = true,
                };
            }
            return HttpExchange.ReadAll(answer, ListLimitBytes, timer)
                ?? throw new StorageException(StorageProblem.TooLarge, _shown + FolderOf(kind), $"The server's list is longer than {ListLimitBytes} bytes.");
        });
        if (json is not null)
            return Parse(kind, json);
        // Keys are asked for before there is a config.
        if (kind != StoredKind.Key && Head(StoredKind.Config, "", cancellation) is null)
            throw new StorageException(StorageProblem.Gone, Location.DisplayName, "Neither the folder nor the repository's 'config' is there: the repository is gone.");
        return [];
    }

    private List<StoredFile> Parse(StoredKind kind, byte[] json)
    {
        var found = new List<StoredFile>();
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 4 });
            foreach (JsonElement file in document.RootElement.EnumerateArray())
            {
                if (file.GetProperty("name").GetString() is { } name && Hex.IsName(name) && file.GetProperty("size").GetInt64() is >= 0 and var lengthBytes)
                    found.Add(new StoredFile(kind, name, lengthBytes));
            }
            return found;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new StorageException(StorageProblem.ReadError, _shown + FolderOf(kind), "The server's list cannot be read: " + e.Message, e);
        }
    }

    public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation) =>
        Run(new RestCall(HttpMethod.Get, PathOf(kind, name), IsWrite: false, cancellation), (answer, timer) =>
        {
            if (!answer.IsSuccessStatusCode)
                throw HttpExchange.Refused(answer, Shown(kind, name), isWrite: false, timer);
            return HttpExchange.ReadAll(answer, limitBytes, timer)
                ?? throw new StorageException(StorageProblem.TooLarge, Shown(kind, name), $"The file is longer than the {limitBytes} bytes that are expected.");
        });

    public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation)
    {
        if (countBytes == 0)
            return;
        try
        {
            ReadPart(kind, name, offsetBytes, buffer, countBytes, cancellation);
        }
        catch (StorageException e) when (e.Problem == StorageProblem.ReadError && Head(kind, name, cancellation) < offsetBytes + countBytes)
        {
            // rclone calls it an error of its own.
            throw Short(kind, name, offsetBytes + countBytes);
        }
    }

    private StorageException Short(StoredKind kind, string name, long endBytes) =>
        new(StorageProblem.TooShort, Shown(kind, name), $"The file ends before offset {endBytes}.");

    private void ReadPart(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation) =>
        Run(new RestCall(HttpMethod.Get, PathOf(kind, name), IsWrite: false, cancellation) { RangeFrom = offsetBytes, RangeBytes = countBytes }, (answer, timer) =>
        {
            if (!answer.IsSuccessStatusCode)
                throw HttpExchange.Refused(answer, Shown(kind, name), isWrite: false, timer);
            if (answer.StatusCode != HttpStatusCode.PartialContent || answer.Content.Headers.ContentRange is { From: { } from } && from != offsetBytes)
                throw new StorageException(StorageProblem.ReadError, Shown(kind, name), "The server does not give a part of a file.") { IsPermanent = true };
            long? told = answer.Content.Headers.ContentLength;
            if (told < countBytes)
                throw Short(kind, name, offsetBytes + countBytes);
            int done = HttpExchange.Read(answer, buffer, countBytes, timer);
            return done == countBytes ? true : throw new IOException($"The answer ended after {done} of {countBytes} bytes.");
        });

    public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        byte[] copy = content.ToArray();
        Put(kind, name, copy.Length, () => new MemoryStream(copy, writable: false), cancellation, isNamedByContent: IsHashOf(name, copy));
    }

    private static bool IsHashOf(string name, byte[] content)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(content);
        return Hex.Encode(hash.GetHashAndReset()) == name;
    }

    public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return new SpooledUpload(Location.DisplayName, (name, lengthBytes, open, token) => Put(kind, name, lengthBytes, open, token));
    }

    /// <param name="kind">What it is.</param>
    /// <param name="name">Its name.</param>
    /// <param name="lengthBytes">Its length.</param>
    /// <param name="open">Reads its content from the beginning; called again if it is sent again.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <param name="isNamedByContent">The name is the content's hash: a file that is there under it is the same one, and to write over it changes nothing.</param>
    private void Put(StoredKind kind, string name, long lengthBytes, Func<Stream> open, CancellationToken cancellation, bool isNamedByContent = false)
    {
        string path = PathOf(kind, name);
        bool isUncertain = _uncertain.ContainsKey(path);
        // Two creations at once must not write over each other's config, and no file over one that is there. A pack's name is new each
        // time it is written, for its seal is: to ask before each would cost a round trip a pack.
        if ((isUncertain || _isRclone && kind != StoredKind.Pack && !isNamedByContent || kind == StoredKind.Config) && IsThere(kind, name, lengthBytes, isUncertain, cancellation))
            return;
        try
        {
            _uncertain[path] = true;
            bool isTaken = _exchange.Run(timer => new HttpRequestMessage(HttpMethod.Post, new Uri(_root, path)) { Content = new StreamedContent(open(), lengthBytes, timer) },
                (answer, timer) =>
                {
                    Note(answer);
                    if (answer.StatusCode == HttpStatusCode.Forbidden)
                        return true;
                    return answer.IsSuccessStatusCode ? false : throw HttpExchange.Refused(answer, Shown(kind, name), isWrite: true, timer);
                }, isWrite: true, cancellation);
            // rest-server says so of a name that is taken, and of who may not write.
            if (isTaken && !IsThere(kind, name, lengthBytes, isUncertain, cancellation))
                throw new StorageException(StorageProblem.AccessDenied, Shown(kind, name), "The server answered 403: this login may not write here.");
            _uncertain.TryRemove(path, out _);
        }
        catch (StorageException e) when (!e.IsTransient)
        {
            _uncertain.TryRemove(path, out _);
            throw;
        }
    }

    /// <summary>Whether the file is there; the half of our own that a lost connection left is removed.</summary>
    private bool IsThere(StoredKind kind, string name, long lengthBytes, bool isUncertain, CancellationToken cancellation)
    {
        if (Head(kind, name, cancellation) is not { } there)
            return false;
        if (there == lengthBytes || !isUncertain || kind == StoredKind.Config)
        {
            _uncertain.TryRemove(PathOf(kind, name), out _);
            return true;
        }
        Delete(kind, name, cancellation);
        return false;
    }

    public void Delete(StoredKind kind, string name, CancellationToken cancellation) =>
        Run(new RestCall(HttpMethod.Delete, PathOf(kind, name), IsWrite: true, cancellation), (answer, timer) =>
        {
            if (answer.StatusCode == HttpStatusCode.Forbidden)
                throw new StorageException(StorageProblem.RemovalForbidden, Shown(kind, name), "The server answered 403: it lets nothing be removed (append-only), or not by this login.");
            return answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.NotFound ? true : throw HttpExchange.Refused(answer, Shown(kind, name), isWrite: true, timer);
        });

    /// <summary>A server answers a deletion when it is done.</summary>
    public void SyncDeletions(StoredKind kind, CancellationToken cancellation)
    {
    }

    /// <summary>Nothing: the system removes what waits for the server.</summary>
    public int RemoveAbandonedUploads(CancellationToken cancellation) => 0;

    public void Dispose() => _exchange.Dispose();

    private T Run<T>(RestCall call, Func<HttpResponseMessage, IdleTimer, T> use)
    {
        using (PendingCalls.Enter(Location.DisplayName))
        {
            return _exchange.Run(_ =>
            {
                var request = new HttpRequestMessage(call.Method, call.Path.StartsWith("?", StringComparison.Ordinal) ? new Uri(_root + call.Path) : new Uri(_root, call.Path));
                if (call.Accept is not null)
                    request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(call.Accept));
                if (call.RangeBytes > 0)
                    request.Headers.Range = new RangeHeaderValue(call.RangeFrom, call.RangeFrom + call.RangeBytes - 1);
                return request;
            }, (answer, timer) =>
            {
                Note(answer);
                return use(answer, timer);
            }, call.IsWrite, call.Cancellation);
        }
    }

    /// <summary>A request without a body.</summary>
    private readonly record struct RestCall(HttpMethod Method, string Path, bool IsWrite, CancellationToken Cancellation)
    {
        public string? Accept { get; init; }

        public long RangeFrom { get; init; }

        /// <summary>0: all of it.</summary>
        public int RangeBytes { get; init; }
    }

    private void Note(HttpResponseMessage answer)
    {
        if (answer.Headers.Server.Any(product => product.Product?.Name == "rclone"))
            _isRclone = true;
    }

    private static string FolderOf(StoredKind kind) => StoredFolder.Of(kind) + "/";

    private static string PathOf(StoredKind kind, string name)
    {
        if (kind == StoredKind.Config)
            return "config";
        return Hex.IsName(name) ? FolderOf(kind) + name : throw new ArgumentException("A stored file's name is 64 hexadecimal digits.", nameof(name));
    }

    private string Shown(StoredKind kind, string name) => _shown + PathOf(kind, name);
}
