using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace ImageBackup.Engine.Storage.Http;

/// <summary>A request that got no whole answer, in the words of <see cref="StorageException"/>.</summary>
internal static class HttpFailure
{
    /// <param name="failure">What HttpClient or a stream of it threw.</param>
    /// <param name="shown">The file's name for people.</param>
    /// <param name="timer">The request's.</param>
    /// <param name="trust">Knows why a certificate is not trusted.</param>
    /// <param name="isWrite">What a cut is called.</param>
    public static StorageException Of(Exception failure, string shown, IdleTimer timer, ServerTrust trust, bool isWrite)
    {
        List<Exception> chain = [];
        for (Exception? at = failure; at is not null; at = at.InnerException)
            chain.Add(at);
        StorageProblem cut = isWrite ? StorageProblem.WriteError : StorageProblem.ReadError;
        if (timer.HasRunOut)
            return new StorageException(StorageProblem.Unreachable, shown, $"The server has been silent for {timer.Idle.TotalSeconds:0.#} s.", failure);
        if (chain.OfType<AuthenticationException>().FirstOrDefault() is { } tls)
            return Untrusted(shown, trust.Reason ?? (tls.Message.Contains("frame") ? "what the server answers is not TLS: does its URL begin with http, or has it another port?" : tls.Message), failure);
        if (chain.OfType<WebException>().FirstOrDefault() is { Status: WebExceptionStatus.TrustFailure or WebExceptionStatus.SecureChannelFailure } web)
            return Untrusted(shown, trust.Reason ?? web.Message, failure);
        // The alert of a server that wants a certificate of ours comes with TLS 1.3 only after the handshake.
        if (chain.FirstOrDefault(e => e.Message.Contains("certificate required") || e.Message.Contains("bad certificate") || e.Message.Contains("alert certificate")) is { } alert)
            return Untrusted(shown, "the server does not accept our certificate, or wants one: " + alert.Message, failure);
        if (chain.OfType<SocketException>().FirstOrDefault() is { } socket)
        {
            bool isConnecting = socket.SocketErrorCode is SocketError.ConnectionRefused or SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain
                or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NetworkDown or SocketError.HostDown or SocketError.TimedOut
                or SocketError.AddressNotAvailable;
            return new StorageException(isConnecting ? StorageProblem.Unreachable : cut, shown, socket.Message, failure);
        }
        if (chain.OfType<WebException>().FirstOrDefault() is { Status: WebExceptionStatus.NameResolutionFailure or WebExceptionStatus.ConnectFailure } connect)
            return new StorageException(StorageProblem.Unreachable, shown, connect.Message, failure);
        if (failure is OperationCanceledException)
            return new StorageException(StorageProblem.Unreachable, shown, "The server does not answer.", failure);
        return new StorageException(cut, shown, chain[^1].Message, failure);
    }

    private static StorageException Untrusted(string shown, string why, Exception failure) => new(StorageProblem.Untrusted, shown, $"No secure connection: {why.TrimEnd('.')}{(why.EndsWith("?", StringComparison.Ordinal) ? "" : ".")}", failure);

    /// <summary>What a server says, for a message: its first line, cut, with nothing in it that steers a terminal.</summary>
    public static string FirstLine(string text) => new(text.Split('\n')[0].Trim().Take(300).Select(c => char.IsControl(c) ? ' ' : c).ToArray());
}
