using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Threading;

namespace ImageBackup.Engine.Storage.Http;

/// <summary>Requests to one server, and its failures in the words of <see cref="StorageException"/>. Any thread.</summary>
/// <remarks>No message holds the name, the password or a header that was sent.</remarks>
internal sealed class HttpExchange : IDisposable
{
    /// <summary>A failure's body is read so far, for its first line.</summary>
    private const int ErrorBodyBytes = 1 << 10;

    private readonly HttpClient _client;
    private readonly ServerTrust _trust;
    private readonly HttpAccess _access;
    private readonly AuthenticationHeaderValue? _login;
    private readonly string _shownRoot;

    /// <param name="access">How the server is spoken to.</param>
    /// <param name="shownRoot">What stands before each path in messages.</param>
    public HttpExchange(HttpAccess access, string shownRoot)
    {
        _trust = new ServerTrust(access.Authorities);
        _client = HttpClients.Create(access, _trust);
        _access = access;
        _shownRoot = shownRoot;
        if (access.UserName is not null || access.Password is not null)
            _login = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(access.UserName + ":" + access.Password)));
    }

    /// <summary>Sends a request and uses its answer.</summary>
    /// <param name="request">Made anew for each call; its timer counts progress.</param>
    /// <param name="use">Reads the answer; its own StorageException passes.</param>
    /// <param name="isWrite">What a failure is called.</param>
    /// <param name="cancellation">Ends it at once, wherever it waits.</param>
    public T Run<T>(Func<IdleTimer, HttpRequestMessage> request, Func<HttpResponseMessage, IdleTimer, T> use, bool isWrite, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var timer = new IdleTimer(_access.Idle, cancellation);
        using HttpRequestMessage message = request(timer);
        string shown = _shownRoot + message.RequestUri!.Segments.LastOrDefault();
        message.Headers.Authorization = _login;
        HttpClients.SetVersion(message, _access);
        try
        {
            using HttpResponseMessage answer = _client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, timer.Token).GetAwaiter().GetResult();
            timer.Touch();
            return use(answer, timer);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException or WebException)
        {
            cancellation.ThrowIfCancellationRequested();
            StorageException failure = HttpFailure.Of(e, shown, timer, _trust, isWrite);
            throw _access.Explain is { } explain ? explain(failure) : failure;
        }
    }

    /// <summary>Reads the body into a buffer; returns how many bytes there were, at most the count.</summary>
    public static int Read(HttpResponseMessage answer, byte[] buffer, int countBytes, IdleTimer timer)
    {
        using Stream stream = HttpClients.ReadStream(answer.Content, timer.Token).GetAwaiter().GetResult();
        int done = 0;
        for (int part; done < countBytes; done += part)
        {
            part = stream.ReadAsync(buffer, done, countBytes - done, timer.Token).GetAwaiter().GetResult();
            if (part == 0)
                break;
            timer.Touch();
        }
        return done;
    }

    /// <summary>The whole body, at most so many bytes; null if it is longer.</summary>
    public static byte[]? ReadAll(HttpResponseMessage answer, int limitBytes, IdleTimer timer)
    {
        if (answer.Content.Headers.ContentLength is { } told)
        {
            if (told > limitBytes)
                return null;
            byte[] whole = new byte[told];
            int done = Read(answer, whole, whole.Length, timer);
            return done == whole.Length ? whole : throw new IOException($"The answer ended after {done} of {told} bytes.");
        }
        using Stream stream = HttpClients.ReadStream(answer.Content, timer.Token).GetAwaiter().GetResult();
        using var content = new MemoryStream();
        byte[] buffer = new byte[64 << 10];
        for (int part; (part = stream.ReadAsync(buffer, 0, buffer.Length, timer.Token).GetAwaiter().GetResult()) > 0;)
        {
            timer.Touch();
            content.Write(buffer, 0, part);
            if (content.Length > limitBytes)
                return null;
        }
        return content.ToArray();
    }

    /// <summary>A failure that the server told.</summary>
    public static StorageException Refused(HttpResponseMessage answer, string shown, bool isWrite, IdleTimer timer)
    {
        int status = (int)answer.StatusCode;
        string said = $"The server answered {status}{Reason(answer, timer).TrimEnd('.')}.";
        TimeSpan? after = answer.Headers.RetryAfter is { } retry ? retry.Delta ?? retry.Date - DateTimeOffset.Now : null;
        StorageProblem problem = status switch
        {
            401 or 407 => StorageProblem.LoginRefused,
            403 => StorageProblem.AccessDenied,
            404 or 410 => StorageProblem.NotFound,
            416 => StorageProblem.TooShort,
            507 or 413 => StorageProblem.Full,
            _ => isWrite ? StorageProblem.WriteError : StorageProblem.ReadError,
        };
        if (status is >= 300 and < 400)
            said = $"The server sends us to {answer.Headers.Location?.GetLeftPart(UriPartial.Path) ?? "another address"}. Name that address, if it is the right one.";
        return new StorageException(problem, shown, said)
        {
            RetryAfter = after > TimeSpan.Zero ? after : null,
            IsPermanent = status is < 500 and not (408 or 425 or 429),
        };
    }

    private static string Reason(HttpResponseMessage answer, IdleTimer timer)
    {
        string reason = answer.ReasonPhrase is { Length: > 0 } phrase ? " " + phrase : "";
        try
        {
            byte[] body = new byte[ErrorBodyBytes];
            string text = Encoding.UTF8.GetString(body, 0, Read(answer, body, body.Length, timer)).Split('\n')[0].Trim();
            // A page in HTML says no more than its status.
            return text.Length is > 0 and < 200 && text[0] != '<' && !reason.EndsWith(text, StringComparison.OrdinalIgnoreCase)
                ? $"{reason}: {new string(text.Select(c => char.IsControl(c) ? ' ' : c).ToArray())}"
                : reason;
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException)
        {
            return reason;
        }
    }

    public void Dispose() => _client.Dispose();
}
