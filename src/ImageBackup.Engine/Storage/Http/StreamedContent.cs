using System;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.Storage.Http;

/// <summary>A request's body of a known length, read from a stream; each part that is taken over counts as progress.</summary>
internal sealed class StreamedContent : HttpContent
{
    private const int PartBytes = 64 << 10;

    private readonly Stream _stream;
    private readonly long _lengthBytes;
    private readonly IdleTimer _timer;

    public StreamedContent(Stream stream, long lengthBytes, IdleTimer timer)
    {
        _stream = stream;
        _lengthBytes = lengthBytes;
        _timer = timer;
        Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
    }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        byte[] buffer = new byte[Math.Min(PartBytes, Math.Max(1, _lengthBytes))];
        for (long done = 0; done < _lengthBytes;)
        {
            // Read from a local file or memory: nothing to wait for.
            int countBytes = _stream.Read(buffer, 0, buffer.Length);
            if (countBytes == 0)
                throw new EndOfStreamException("The file that waits to be sent became shorter.");
            WorkPace.BeforeWrite(countBytes);
            await stream.WriteAsync(buffer, 0, countBytes, _timer.Token).ConfigureAwait(false);
            _timer.Touch();
            done += countBytes;
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _lengthBytes;
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _stream.Dispose();
        base.Dispose(disposing);
    }
}
