using System;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.S3;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Http;

namespace ImageBackup.Storage.S3;

/// <summary>What an S3 service or the SDK says, in the words of <see cref="StorageException"/>.</summary>
internal static class S3Failure
{
    private const string RegionHeader = "x-amz-bucket-region";

    public static StorageException Of(Exception failure, S3Call call, IdleTimer timer, ServerTrust trust, string region)
    {
        if (failure is AmazonServiceException { StatusCode: not 0 } told)
            return Told(told, call.Shown, call.IsWrite, region);
        // The SDK's word for: neither variables, nor a profile, nor a role of this machine.
        if (failure is AmazonClientException && failure.Message.IndexOf("credentials", StringComparison.OrdinalIgnoreCase) >= 0)
        {
            return new StorageException(StorageProblem.LoginRefused, call.Shown,
                "There is no login: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, nor a profile (AWS_PROFILE), nor a role of this machine.", failure);
        }
        return HttpFailure.Of(failure, call.Shown, timer, trust, call.IsWrite);
    }

    private static StorageException Told(AmazonServiceException told, string shown, bool isWrite, string region)
    {
        int status = (int)told.StatusCode;
        StorageProblem failed = isWrite ? StorageProblem.WriteError : StorageProblem.ReadError;
        string said = $"The service answered {status}{(told.ErrorCode is { Length: > 0 } code ? " " + code : "")}: {HttpFailure.FirstLine(told.Message)}";
        switch (told.ErrorCode)
        {
            case "NoSuchBucket":
                return NoBucket(shown, told);
            case "ObjectLockConfigurationNotFoundError":
            case "InvalidRequest" when told.Message.IndexOf("ObjectLock", StringComparison.OrdinalIgnoreCase) >= 0 || told.Message.IndexOf("Object Lock", StringComparison.OrdinalIgnoreCase) >= 0:
                return new StorageException(StorageProblem.NoObjectLock, shown, said, told);
            case "PermanentRedirect" or "AuthorizationHeaderMalformed" or "IllegalLocationConstraintException" or "TemporaryRedirect":
            case var _ when status is 301 or 307 || status == 400 && RegionOf(told) is { } own && own != region:
                string? right = RegionOf(told);
                // The SDK has signed it anew by then: it is the server that is the wrong one for the bucket.
                if (right == region)
                    return new StorageException(StorageProblem.WrongRegion, shown, $"{said} Requests were signed for '{region}', the bucket's region: the URL names the server of another.", told);
                return new StorageException(StorageProblem.WrongRegion, shown,
                    right is null ? $"{said} Requests were signed for the region '{region}'." : $"The bucket is in the region '{right}'; requests were signed for '{region}'.", told);
            case "RequestTimeTooSkewed" or "RequestExpired":
                return new StorageException(StorageProblem.ClockSkewed, shown, said, told);
            case "ExpiredToken" or "ExpiredTokenException" or "TokenRefreshRequired" or "InvalidToken":
                return new StorageException(StorageProblem.LoginExpired, shown, said, told);
            case "InvalidAccessKeyId" or "SignatureDoesNotMatch" or "InvalidSecurity" or "NotSignedUp" or "MissingSecurityHeader":
                return new StorageException(StorageProblem.LoginRefused, shown, said, told);
            case "QuotaExceeded" or "EntityTooLarge" or "XMinioStorageFull" or "InsufficientCapacity":
                return new StorageException(StorageProblem.Full, shown, said, told);
            case "BadDigest" or "XAmzContentSHA256Mismatch" or "RequestTimeout" or "IncompleteBody" or "OperationAborted" or "ConditionalRequestConflict":
                // Spoilt or cut on its way, or another at the same moment: the next try may do.
                return new StorageException(failed, shown, said, told);
        }
        StorageProblem problem = status switch
        {
            401 => StorageProblem.LoginRefused,
            403 => StorageProblem.AccessDenied,
            404 or 410 => StorageProblem.NotFound,
            416 => StorageProblem.TooShort,
            507 or 413 => StorageProblem.Full,
            _ => failed,
        };
        return new StorageException(problem, shown, said, told) { IsPermanent = status is < 500 and not (408 or 425 or 429) };
    }

    public static StorageException NoBucket(string shown, Exception? told = null) =>
        new(StorageProblem.NoContainer, shown, "The service answered 404 NoSuchBucket: it has no such bucket, or not for this login.", told);

    /// <summary>The region that the service says the bucket is in; null: it does not say.</summary>
    public static string? RegionOf(Exception told)
    {
        if (told is not AmazonS3Exception s3)
            return null;
        // The SDK reads it out of the answer's body and shows it to itself only.
        if (typeof(AmazonS3Exception).GetProperty("Region", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)?.GetValue(s3) is string { Length: > 0 } region)
            return region;
        if (Regex.Match(s3.ResponseBody ?? "", "<Region>([a-z0-9-]{1,40})</Region>") is { Success: true } match)
            return match.Groups[1].Value;
        for (Exception? at = told; at is not null; at = at.InnerException)
        {
            if (at is HttpErrorResponseException { Response: { } response } && response.IsHeaderPresent(RegionHeader))
                return response.GetHeaderValue(RegionHeader);
        }
        return null;
    }
}
