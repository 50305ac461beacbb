using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Text;
using ImageBackup.Engine.Items;

namespace ImageBackup.Commands;

/// <summary>Gives the text or the bytes of files inside of an image.</summary>
[Cmdlet(VerbsCommon.Get, "ImageItemContent")]
[OutputType(typeof(string), typeof(byte[]))]
public sealed class GetImageItemContentCommand : ItemCmdlet
{
    /// <summary>The bytes, as one array.</summary>
    [Parameter]
    public SwitchParameter AsByteStream { get; set; }

    /// <summary>The text as one string, with its line ends.</summary>
    [Parameter]
    public SwitchParameter Raw { get; set; }

    /// <summary>How the text is encoded, if no mark at its beginning says so; by default UTF-8.</summary>
    [Parameter]
    [ValidateSet("ascii", "bigendianunicode", "latin1", "unicode", "utf8", "utf32")]
    public string Encoding { get; set; } = "utf8";

    /// <summary>A stream of the file beside its content (NTFS).</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Stream { get; set; }

    private protected override void Process()
    {
        if (Path is null && LiteralPath is null && (Image ?? []).All(image => image.Id is not null))
            throw new ImageBackupException(ErrorId.ParameterInvalid, "The command names no file: give its path in the image with -Path.");
        EachImage(Read);
    }

    private void Read(ImageArgument argument)
    {
        ItemSource source = Open(argument);
        foreach ((string path, IReadOnlyList<ItemPathPart> parts) in Paths(source))
        {
            Attempt(path, () =>
            {
                foreach (FoundItem item in Find(source, path, parts))
                    Attempt(item.PathIn(source), () => Write(source, item));
            });
        }
    }

    private void Write(ItemSource source, FoundItem item)
    {
        string path = item.PathIn(source);
        if (AsByteStream)
            WriteObject(RunInBackground("Reading a file", _ => Named(path, () => ReadAll(source, item, path))), enumerateCollection: false);
        else if (Raw)
        {
            WriteObject(RunInBackground("Reading a file", _ => Named(path, () =>
            {
                using StreamReader reader = OpenText(source, item);
                RequireRoom(reader.BaseStream.Length, path);
                return reader.ReadToEnd();
            })));
        }
        else
            WriteAsTheyCome("Reading a file", Lines(source, item, path), []);
    }

    private byte[] ReadAll(ItemSource source, FoundItem item, string path)
    {
        using var stream = new ItemStream(source.Tree.OpenData(item.Entry, Stream));
        RequireRoom(stream.Length, path);
        var bytes = new byte[stream.Length];
        for (int done = 0, count; done < bytes.Length && (count = stream.Read(bytes, done, Math.Min(1 << 20, bytes.Length - done))) > 0; done += count)
            Stop.ThrowIfCancellationRequested();
        return bytes;
    }

    private IEnumerable<string> Lines(ItemSource source, FoundItem item, string path)
    {
        using StreamReader reader = Named(path, () => OpenText(source, item));
        while (Named(path, reader.ReadLine) is { } line)
            yield return line;
    }

    private StreamReader OpenText(ItemSource source, FoundItem item) =>
        new(new BufferedStream(new ItemStream(source.Tree.OpenData(item.Entry, Stream)), 1 << 16), EncodingOf(Encoding), detectEncodingFromByteOrderMarks: true);

    private static Encoding EncodingOf(string name) => name.ToLowerInvariant() switch
    {
        "ascii" => System.Text.Encoding.ASCII,
        "bigendianunicode" => System.Text.Encoding.BigEndianUnicode,
        "latin1" => System.Text.Encoding.GetEncoding("iso-8859-1"),
        "unicode" => System.Text.Encoding.Unicode,
        "utf32" => System.Text.Encoding.UTF32,
        _ => new UTF8Encoding(false),
    };

    private static void RequireRoom(long lengthBytes, string path)
    {
        const int limit = 0x7FFFFFC7;
        if (lengthBytes > limit)
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{path}' has {lengthBytes} bytes, which do not fit one object: restore it with Restore-ImageItem.", path);
    }

    /// <summary>A failure of the file system's reader, as an error that names the file.</summary>
    private static T Named<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (ItemSource.Failure(e, path, path) is not null)
        {
            throw ItemSource.Failure(e, path, path)!;
        }
    }
}
