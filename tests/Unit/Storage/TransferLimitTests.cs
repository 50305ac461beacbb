using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Http;
using ImageBackup.Engine.Storage.Transfer;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Storage;

/// <summary>-LimitUpload and -LimitDownload by a clock that only waits move.</summary>
public sealed class TransferLimitTests
{
    private const int Rate = 1 << 20;

    private readonly WaitingClock _upload = new(), _download = new();

    private TransferLimits Limits => new(RateSchedule.Parse(["1MB"], _upload), RateSchedule.Parse(["1MB"], _download));

    [Theory]
    [InlineData("07:59", 10 << 20)]
    [InlineData("08:00", 2 << 20)]
    [InlineData("17:59", 2 << 20)]
    [InlineData("18:00", 10 << 20)]
    [InlineData("21:59", 10 << 20)]
    [InlineData("22:00", 512 << 10)]
    [InlineData("00:00", 512 << 10)]
    [InlineData("05:59", 512 << 10)]
    [InlineData("06:00", 10 << 20)]
    public void The_hours_decide(string time, int expected)
    {
        RateSchedule schedule = RateSchedule.Parse(["08:00-18:00=2MB", "22:00-6:00 = 0.5 MiB", "10mb"], now: () => DateTime.Today + TimeSpan.Parse(time));
        Assert.Equal(expected, schedule.BytesPerSecond);
    }

    [Fact]
    public void Of_two_that_hold_the_first_counts_and_without_one_there_is_no_limit()
    {
        DateTime now = DateTime.Today.AddHours(9);
        RateSchedule schedule = RateSchedule.Parse(["08:00-10:00=1MB", "00:00-24:00=2MB"], now: () => now);
        Assert.Equal(1 << 20, schedule.BytesPerSecond);
        now = DateTime.Today.AddHours(10);
        Assert.Equal(2 << 20, schedule.BytesPerSecond);
        Assert.Null(RateSchedule.Parse(["08:00-10:00=1MB"], now: () => now).BytesPerSecond);
    }

    [Theory]
    [InlineData("")]
    [InlineData("fast")]
    [InlineData("-1MB")]
    [InlineData("1PB")]
    [InlineData("63KB")]
    [InlineData("08:00=1MB")]
    [InlineData("08:60-09:00=1MB")]
    [InlineData("24:01-09:00=1MB")]
    [InlineData("09:00-09:00=1MB")]
    [InlineData("999999999999T")]
    public void What_cannot_be_a_limit_is_refused(string entry) => Assert.Throws<FormatException>(() => RateSchedule.Parse([entry]));

    [Fact]
    public void A_storage_is_written_and_read_at_its_rates()
    {
        using var memory = new MemoryStorage();
        using var storage = new LimitedStorage(memory, Limits);
        byte[] content = SeededBytes.Make(1, 5 * Rate);
        using (IStorageUpload upload = storage.BeginUpload(StoredKind.Pack, CancellationToken.None))
        {
            for (int i = 0; i < 5; i++)
                upload.Append(content, i * Rate, Rate, CancellationToken.None);
            upload.Commit(new string('a', 64), CancellationToken.None);
        }
        Assert.InRange(_upload.Seconds, 4.5, 5);
        Assert.Equal(0, _download.Seconds);
        byte[] read = new byte[3 * Rate];
        storage.ReadAt(StoredKind.Pack, new string('a', 64), Rate, read, read.Length, CancellationToken.None);
        Assert.Equal(content[Rate..(4 * Rate)], read);
        Assert.InRange(_download.Seconds, 2.5, 3);
        // A lock does not wait behind what was sent before.
        double before = _upload.Seconds;
        storage.Save(StoredKind.Lock, new string('b', 64), content.AsSpan(0, 300), CancellationToken.None);
        Assert.Equal(before, _upload.Seconds);
    }

    [Fact]
    public async Task Bodies_of_requests_and_answers_keep_the_rates_and_stay_what_they_are()
    {
        byte[] content = SeededBytes.Make(2, 3 * Rate);
        var server = new EchoHandler();
        using var invoker = new HttpMessageInvoker(new LimitedHandler(server, Limits));
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://localhost/x") { Content = new ByteArrayContent(content) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-test");
        using HttpResponseMessage answer = await invoker.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(("application/x-test", (long?)content.Length), server.Seen);
        Assert.InRange(_upload.Seconds, 2.5, 3);
        Assert.Equal(0, _download.Seconds);
        Assert.Equal((long?)content.Length, answer.Content.Headers.ContentLength);
        Assert.Equal(content, await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        Assert.InRange(_download.Seconds, 2.5, 3.1);
    }

    [Fact]
    public async Task A_wait_ends_when_the_command_is_stopped()
    {
        using var stop = new CancellationTokenSource();
        // By the real clock: 10 MiB at 64 KiB a second would take minutes.
        using var invoker = new HttpMessageInvoker(new LimitedHandler(new EchoHandler(), new TransferLimits(RateSchedule.Parse(["64KB"]), null)));
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://localhost/x") { Content = new ByteArrayContent(new byte[10 << 20]) };
        stop.CancelAfter(200);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => invoker.SendAsync(request, stop.Token));
    }

    private sealed class EchoHandler : HttpMessageHandler
    {
        public (string?, long?) Seen { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Seen = (request.Content!.Headers.ContentType?.MediaType, request.Content.Headers.ContentLength);
            var body = new MemoryStream();
            await request.Content.CopyToAsync(body, cancellationToken);
            return new HttpResponseMessage { Content = new ByteArrayContent(body.ToArray()) };
        }
    }

    private sealed class WaitingClock : IRateClock
    {
        public double Seconds { get; private set; }

        public TimeSpan Now => TimeSpan.FromSeconds(Seconds);

        public void Wait(TimeSpan time, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            Seconds += time.TotalSeconds;
        }
    }
}

public sealed class LimitedStorageContractTests : StorageContract
{
    private protected override object Open() => new LimitedStorage(new MemoryStorage(), new TransferLimits(RateSchedule.Parse(["1TB"]), RateSchedule.Parse(["1TB"])));
}
