using System;
using System.IO;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>Tells the file errors apart that the BCL folds into IOException; on Unix its HResult is the errno.</summary>
internal static class FileErrors
{
    public static bool IsDiskFull(Exception e) => Code(e) is
        28 or 122 or 27 or                                 // ENOSPC, EDQUOT, EFBIG
        unchecked((int)0x80070070) or unchecked((int)0x80070027); // ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL

    public static bool IsReadOnlyFileSystem(Exception e) => Code(e) is 30 or unchecked((int)0x80070013); // EROFS, ERROR_WRITE_PROTECT

    private static int Code(Exception e) => e is UnauthorizedAccessException && e.InnerException is IOException inner ? inner.HResult : e.HResult;
}
