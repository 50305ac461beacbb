using System;

namespace ImageBackup.Engine.Platform.Files;

internal sealed partial class PositionedFile
{
    private int ReadSome(long offsetBytes, byte[] buffer, int start, int countBytes)
    {
        lock (_stream)
        {
            _stream.Position = offsetBytes;
            return _stream.Read(buffer, start, countBytes);
        }
    }
}
