using System;
using System.IO;
using System.IO.Pipes;
using System.Threading.Tasks;
using ImageBackup.Vss.Requester;
using ImageBackup.Vss.Requester.Protocol;
using ImageBackup.Vss.Requesting;

namespace ImageBackup.Tests.Unit.Vss.Requesting;

/// <summary>A requester in this process, behind a real pair of pipes.</summary>
internal sealed class RequesterRig : IDisposable
{
    private readonly AnonymousPipeServerStream _toRequester = new(PipeDirection.Out), _fromRequester = new(PipeDirection.In);

    public RequesterRig(ComponentsDouble vss)
    {
        var input = new AnonymousPipeClientStream(PipeDirection.In, _toRequester.ClientSafePipeHandle);
        var output = new AnonymousPipeClientStream(PipeDirection.Out, _fromRequester.ClientSafePipeHandle);
        Ended = Task.Factory.StartNew(() =>
        {
            using (input)
            using (output)
                return new RequesterServer(new FramePipe(input, output), vss.Create).Run(notice: null);
        }, TaskCreationOptions.LongRunning);
    }

    /// <summary>Its end: null, or what was wrong.</summary>
    public Task<string?> Ended { get; }

    public Stream Questions => _toRequester;
    public Stream Answers => _fromRequester;

    public RequesterConnection Connect() => RequesterConnection.Over(_fromRequester, _toRequester, TimeSpan.FromSeconds(30));

    public void Dispose()
    {
        _toRequester.Dispose();
        Ended.Wait(TimeSpan.FromSeconds(30));
        _fromRequester.Dispose();
    }
}
