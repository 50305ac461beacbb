using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Provider;
using System.Text;
using System.Threading;
using ImageBackup.Binding;
using ImageBackup.Pipeline;

namespace ImageBackup.Drive;

/// <summary>Gives Get-Content a file of an image: lines, one text, bytes, or one array of bytes.</summary>
/// <param name="path">For errors.</param>
/// <param name="content">Is disposed of with this.</param>
/// <param name="parameters">What the user gave; null: nothing.</param>
/// <param name="stop">Cancelled when the pipeline is being stopped.</param>
internal sealed class ImageContentReader(string path, Stream content, ContentParameters? parameters, CancellationToken stop) : IContentReader
{
    private const int MaxArrayBytes = 0x7FFFFFC7;
    private const int BufferBytes = 1 << 16;
    private const int ReadBytes = 1 << 20;

    private readonly Stream _content = new BufferedStream(content, BufferBytes);
    private StreamReader? _text;
    private bool _isAtEnd;

    private bool IsBytes => parameters is { AsByteStream.IsPresent: true } || ReferenceEquals(parameters?.Encoding, EncodingTransformationAttribute.Bytes);

    private StreamReader Text => _text ??= new StreamReader(_content, parameters?.Encoding ?? new UTF8Encoding(false), detectEncodingFromByteOrderMarks: true, BufferBytes);

    /// <summary>The next objects, none at the end. Bytes are given as an array, which is not a list of boxed ones.</summary>
    /// <param name="readCount">How many; 0 or less: all.</param>
    public IList Read(long readCount)
    {
        try
        {
            stop.ThrowIfCancellationRequested();
            if (_isAtEnd)
                return Array.Empty<object>();
            if (IsBytes)
                return ReadBytesOf(readCount);
            return parameters is { Raw.IsPresent: true } ? ReadAllText() : ReadLines(readCount);
        }
        catch (Exception e) when (e is ImageBackupException or OperationCanceledException)
        {
            if (e is OperationCanceledException && stop.IsCancellationRequested)
                throw new PipelineStoppedException();
            // PowerShell takes the error's id from the record.
            throw new RuntimeException(e.Message, e, ErrorRecords.From(e, path));
        }
    }

    private IList ReadBytesOf(long readCount)
    {
        bool isRaw = parameters is { Raw.IsPresent: true }, isAll = isRaw || readCount <= 0;
        long left = _content.Length - _content.Position;
        if (isAll)
        {
            RequireRoom(left);
            _isAtEnd = true;
        }
        byte[] bytes = Fill(new byte[isAll ? left : Math.Min(Math.Min(readCount, MaxArrayBytes), left)]);
        return isRaw ? new object[] { bytes } : bytes;
    }

    private byte[] Fill(byte[] bytes)
    {
        int done = 0;
        for (int count; done < bytes.Length && (count = _content.Read(bytes, done, Math.Min(ReadBytes, bytes.Length - done))) > 0; done += count)
            stop.ThrowIfCancellationRequested();
        if (done < bytes.Length)
            Array.Resize(ref bytes, done);
        return bytes;
    }

    private object[] ReadAllText()
    {
        RequireRoom(_content.Length);
        _isAtEnd = true;
        var text = new StringBuilder();
        var buffer = new char[BufferBytes];
        for (int count; (count = Text.Read(buffer, 0, buffer.Length)) > 0; text.Append(buffer, 0, count))
            stop.ThrowIfCancellationRequested();
        return [text.ToString()];
    }

    private List<string> ReadLines(long readCount)
    {
        var lines = new List<string>();
        while (readCount <= 0 || lines.Count < readCount)
        {
            stop.ThrowIfCancellationRequested();
            string? line = parameters?.Delimiter is { } delimiter ? ReadTo(delimiter) : Text.ReadLine();
            if (line is null)
            {
                _isAtEnd = true;
                break;
            }
            lines.Add(line);
        }
        return lines;
    }

    /// <summary>Up to the next delimiter, or the end; null if nothing is left.</summary>
    private string? ReadTo(string delimiter)
    {
        var text = new StringBuilder();
        char last = delimiter[delimiter.Length - 1];
        for (int c; (c = Text.Read()) >= 0;)
        {
            text.Append((char)c);
            if (c == last && EndsWith(text, delimiter))
                return text.ToString(0, text.Length - delimiter.Length);
        }
        return text.Length == 0 ? null : text.ToString();
    }

    private static bool EndsWith(StringBuilder text, string end)
    {
        if (text.Length < end.Length)
            return false;
        for (int i = 0; i < end.Length; i++)
        {
            if (text[text.Length - end.Length + i] != end[i])
                return false;
        }
        return true;
    }

    private void RequireRoom(long lengthBytes)
    {
        if (lengthBytes > MaxArrayBytes)
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{path}' has {lengthBytes} bytes, which do not fit one object: read it in parts, or restore it with Restore-ImageItem.", path);
    }

    /// <summary>In bytes, whatever is read.</summary>
    public void Seek(long offset, SeekOrigin origin)
    {
        _content.Seek(offset, origin);
        _text?.DiscardBufferedData();
        _isAtEnd = false;
    }

    public void Close() => _content.Dispose();

    public void Dispose() => Close();
}
