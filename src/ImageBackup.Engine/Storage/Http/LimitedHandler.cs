using System;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Storage.Transfer;

namespace ImageBackup.Engine.Storage.Http;

/// <summary>Requests whose bodies, and those of their answers, go no faster than the user of the storage allows; headers are not counted.</summary>
internal sealed class LimitedHandler(HttpMessageHandler inner, TransferLimits limits) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (limits.Upload is { } upload && request.Content is { } content)
            request.Content = new LimitedContent(content, upload, cancellationToken);
        HttpResponseMessage answer = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (limits.Download is { } download && answer.Content is { } body)
        {
            // The answer's stream is given on as it comes; who reads it waits.
            Stream stream = await HttpClients.ReadStream(body, cancellationToken).ConfigureAwait(false);
            var limited = new StreamContent(new LimitedStream(stream, download, cancellationToken), RateSchedule.PieceBytes);
            foreach (var header in body.Headers)
                limited.Headers.TryAddWithoutValidation(header.Key, header.Value);
            limited.Headers.ContentLength = body.Headers.ContentLength;
            answer.Content = limited;
        }
        return answer;
    }

    /// <summary>A body that is sent in pieces, each when it may go.</summary>
    private sealed class LimitedContent : HttpContent
    {
        private readonly HttpContent _content;
        private readonly RateSchedule _schedule;
        private readonly CancellationToken _cancellation;

        public LimitedContent(HttpContent content, RateSchedule schedule, CancellationToken cancellation)
        {
            _content = content;
            _schedule = schedule;
            _cancellation = cancellation;
            foreach (var header in content.Headers)
                Headers.TryAddWithoutValidation(header.Key, header.Value);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            _content.CopyToAsync(new LimitedStream(stream, _schedule, _cancellation));

        protected override bool TryComputeLength(out long length)
        {
            length = _content.Headers.ContentLength ?? 0;
            return _content.Headers.ContentLength is not null;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _content.Dispose();
            base.Dispose(disposing);
        }
    }

#pragma warning disable CA1835, CA1844 // netstandard2.0 has no overloads of Memory.
    /// <summary>Another stream's bytes, in pieces, each when it may go. Reads or writes, in one direction.</summary>
    private sealed class LimitedStream(Stream inner, RateSchedule schedule, CancellationToken stop) : Stream
    {
        public override bool CanRead => inner.CanRead;

        public override bool CanSeek => false;

        public override bool CanWrite => inner.CanWrite;

        public override long Length => inner.Length;

        public override long Position
        {
            get => inner.Position;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            count = Math.Min(count, RateSchedule.PieceBytes);
            int read = inner.Read(buffer, offset, count);
            schedule.Take(read, stop);
            return read;
        }

        public override async Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            count = Math.Min(count, RateSchedule.PieceBytes);
            int read = await inner.ReadAsync(buffer, offset, count, cancellationToken).ConfigureAwait(false);
            Take(read, cancellationToken);
            return read;
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            for (int part; count > 0; offset += part, count -= part)
            {
                part = Math.Min(count, RateSchedule.PieceBytes);
                schedule.Take(part, stop);
                inner.Write(buffer, offset, part);
            }
        }

        public override async Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            for (int part; count > 0; offset += part, count -= part)
            {
                part = Math.Min(count, RateSchedule.PieceBytes);
                Take(part, cancellationToken);
                await inner.WriteAsync(buffer, offset, part, cancellationToken).ConfigureAwait(false);
            }
        }

        /// <summary>Waits on this thread: there are no more of them than connections.</summary>
        private void Take(int countBytes, CancellationToken cancellation) => schedule.Take(countBytes, cancellation.CanBeCanceled ? cancellation : stop);

        public override void Flush() => inner.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing && inner.CanRead)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
#pragma warning restore CA1835, CA1844
}
