using System;
using System.Management.Automation;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Pipeline;

/// <summary>Turns failures into error records with the stable ids of <see cref="ErrorTable"/>.</summary>
internal static class ErrorRecords
{
    /// <summary>The id of an exception that is not in the table: a defect of ours.</summary>
    public const string UnexpectedId = "Unexpected";

    public static ErrorRecord From(Exception failure, object? target)
    {
        while (failure is AggregateException { InnerException: { } inner })
            failure = inner;
        return failure switch
        {
            ImageBackupException known => Known(known, known.Id, known.RecommendedAction, target ?? known.Target),
            OperationCanceledException => Known(
                failure, ErrorId.Cancelled, ErrorTable.Get(ErrorId.Cancelled).RecommendedAction, target),
            BlockReadException => Known(
                failure, ErrorId.ReadFailed, ErrorTable.Get(ErrorId.ReadFailed).RecommendedAction, target),
            BlockWriteException => Known(
                failure, ErrorId.WriteFailed, ErrorTable.Get(ErrorId.WriteFailed).RecommendedAction, target),
            _ => Unexpected(failure, target),
        };
    }

    public static ErrorCategory Category(ErrorKind kind) => kind switch
    {
        ErrorKind.NotFound => ErrorCategory.ObjectNotFound,
        ErrorKind.AlreadyExists => ErrorCategory.ResourceExists,
        ErrorKind.Busy => ErrorCategory.ResourceBusy,
        ErrorKind.Authentication => ErrorCategory.AuthenticationError,
        ErrorKind.Permission => ErrorCategory.PermissionDenied,
        ErrorKind.InvalidData => ErrorCategory.InvalidData,
        ErrorKind.InvalidArgument => ErrorCategory.InvalidArgument,
        ErrorKind.ReadError => ErrorCategory.ReadError,
        ErrorKind.WriteError => ErrorCategory.WriteError,
        ErrorKind.DeviceError => ErrorCategory.DeviceError,
        ErrorKind.NotSupported => ErrorCategory.InvalidOperation,
        ErrorKind.Cancelled => ErrorCategory.OperationStopped,
        _ => ErrorCategory.NotSpecified,
    };

    private static ErrorRecord Known(Exception failure, ErrorId id, string recommendedAction, object? target) =>
        Shown(new(failure, id.ToString(), Category(ErrorTable.Get(id).Kind), target)
        {
            ErrorDetails = new ErrorDetails(DisplayText.Lines(failure.Message)) { RecommendedAction = DisplayText.Lines(recommendedAction) },
        });

    /// <summary>What is shown of the target; the target itself stays as it is, and so does the exception.</summary>
    private static ErrorRecord Shown(ErrorRecord record)
    {
        record.CategoryInfo.TargetName = DisplayText.Line(record.CategoryInfo.TargetName);
        return record;
    }

    private static ErrorRecord Unexpected(Exception failure, object? target) =>
        Shown(new(failure, UnexpectedId, ErrorCategory.NotSpecified, target)
        {
            ErrorDetails = new ErrorDetails(
                $"Something happened that this module did not foresee: {DisplayText.Lines(failure.Message.TrimEnd('.'))} ({failure.GetType().Name}).")
            {
                RecommendedAction = "Please report it as a defect of ImageBackup, with the command and what "
                    + "'$Error[0].Exception.ToString()' shows.",
            },
        });
}
