using System;
using System.IO;

namespace ImageBackup.Engine.Platform.Files;

internal sealed partial class PositionedFile
{
    private int ReadSome(long offsetBytes, byte[] buffer, int start, int countBytes) =>
        RandomAccess.Read(_stream.SafeFileHandle, buffer.AsSpan(start, countBytes), offsetBytes);
}
