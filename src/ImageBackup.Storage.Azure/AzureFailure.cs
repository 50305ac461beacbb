using System;
using System.Globalization;
using System.Linq;
using Azure;
using Azure.Identity;
using Azure.Storage.Blobs.Models;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Http;

namespace ImageBackup.Storage.Azure;

/// <summary>What the blob service or the SDK says, in the words of <see cref="StorageException"/>.</summary>
internal static class AzureFailure
{
    /// <summary>The service takes no request that is older.</summary>
    private static readonly TimeSpan s_allowedSkew = TimeSpan.FromMinutes(15);

    public static StorageException Of(Exception failure, AzureCall call, IdleTimer timer, ServerTrust trust, AzureLogin login)
    {
        if (failure is RequestFailedException { Status: not 0 } told)
            return Told(told, call, login);
        if (failure is AuthenticationFailedException)
        {
            return new StorageException(StorageProblem.LoginRefused, call.Shown,
                $"There is no login: neither AZURE_ACCOUNT_KEY nor AZURE_ACCOUNT_SAS is set, and {login.Name} gives none: {HttpFailure.FirstLine(failure.Message)}", failure);
        }
        return HttpFailure.Of(failure, call.Shown, timer, trust, call.IsWrite);
    }

    private static StorageException Told(RequestFailedException told, AzureCall call, AzureLogin login)
    {
        string shown = call.Shown;
        StorageProblem failed = call.IsWrite ? StorageProblem.WriteError : StorageProblem.ReadError;
        string said = $"The service answered {told.Status}{(told.ErrorCode is { Length: > 0 } code ? " " + code : "")}: {HttpFailure.FirstLine(told.Message)}";
        switch (told.ErrorCode)
        {
            case "ContainerNotFound":
                return new StorageException(StorageProblem.NoContainer, shown, "The service answered 404 ContainerNotFound: the account has no such container, or not for this login.", told);
            case "AuthenticationFailed" or "InvalidAuthenticationInfo" or "NoAuthenticationInformation" or "ExpiredAuthenticationToken":
            // An emulator's word for the first; the service's own for what a login may not do.
            case "AuthorizationFailure" when told.Message.IndexOf("failed to authenticate", StringComparison.OrdinalIgnoreCase) >= 0:
                return Login(told, shown, said, login);
            case "BlobImmutableDueToPolicy" or "BlobImmutableDueToLegalHold" or "ContainerImmutabilityPolicyLocked":
                return new StorageException(StorageProblem.AccessDenied, shown, said, told);
            case "BlobArchived" or "BlobBeingRehydrated":
                return new StorageException(StorageProblem.ReadError, shown, said + " The file is in the archive tier: set its tier to Hot or Cool, and wait until it is there.", told) { IsPermanent = true };
            case "Md5Mismatch" or "Crc64Mismatch" or "ContainerBeingDeleted" or "OperationTimedOut" or "IncompleteBody" or "RequestBodyIncomplete":
                // Spoilt or cut on its way, or not for long: the next try may do.
                return new StorageException(failed, shown, said, told);
        }
        StorageProblem problem = told.Status switch
        {
            401 => StorageProblem.LoginRefused,
            403 => StorageProblem.AccessDenied,
            404 or 410 => StorageProblem.NotFound,
            416 => StorageProblem.TooShort,
            507 or 413 => StorageProblem.Full,
            _ => failed,
        };
        return new StorageException(problem, shown, said, told) { IsPermanent = told.Status is < 500 and not (408 or 425 or 429), RetryAfter = RetryAfter(told) };
    }

    /// <summary>The service says the same of a wrong key, a wrong clock and a signature that is over.</summary>
    private static StorageException Login(RequestFailedException told, string shown, string said, AzureLogin login)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        if (ServiceTime(told) is { } time && (now - time).Duration() > s_allowedSkew)
        {
            return new StorageException(StorageProblem.ClockSkewed, shown,
                $"{said} It is {DisplayText.Minute(time.UtcDateTime)} UTC there, and {DisplayText.Minute(now.UtcDateTime)} UTC on this machine.", told);
        }
        if (login.Expiry is { } expiry && expiry < now || told.ErrorCode == "ExpiredAuthenticationToken")
            return new StorageException(StorageProblem.LoginExpired, shown, said, told);
        return new StorageException(StorageProblem.LoginRefused, shown, $"{said} The login was {login.Name}.", told);
    }

    private static DateTimeOffset? ServiceTime(RequestFailedException told) => told.GetRawResponse()?.Headers.Date;

    private static TimeSpan? RetryAfter(RequestFailedException told) =>
        told.GetRawResponse() is { } answer && answer.Headers.TryGetValue("Retry-After", out string? text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            ? TimeSpan.FromSeconds(seconds)
            : null;
}
