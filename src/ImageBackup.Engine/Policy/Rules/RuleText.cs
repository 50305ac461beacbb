using System;
using System.Text;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>
/// A text file as it lies on disk: its characters and the encoding that gives the same bytes back. UTF-8 and UTF-16
/// by their byte-order marks, UTF-8 without one; bytes that are not UTF-8 (an old code page in a comment) are taken one
/// character each, so that nothing is lost.
/// </summary>
internal sealed class RuleText
{
    /// <summary>A list of 10,000 rules has about 1 MiB.</summary>
    public const int MaximumBytes = 16 * 1024 * 1024;

    // Latin-1: the 256 values of a byte are the first 256 characters.
    private const int BytewiseCodePage = 28591;
    private readonly byte[] _preamble;
    private readonly Encoding _encoding;

    private RuleText(string characters, byte[] preamble, Encoding encoding, bool isBytewise)
    {
        Characters = characters;
        _preamble = preamble;
        _encoding = encoding;
        IsBytewise = isBytewise;
    }

    public string Characters { get; }

    /// <summary>The bytes were no UTF-8: characters beyond ASCII are not what the author meant.</summary>
    public bool IsBytewise { get; }

    public static RuleText Of(string characters) =>
        new(characters ?? throw new ArgumentNullException(nameof(characters)), Array.Empty<byte>(), Utf8, false);

    /// <exception cref="ImageBackupException">RuleInvalid: longer than 16 MiB.</exception>
    public static RuleText Decode(byte[] bytes, string path)
    {
        if (bytes is null)
            throw new ArgumentNullException(nameof(bytes));
        if (bytes.Length > MaximumBytes)
            throw new ImageBackupException(ErrorId.RuleInvalid, $"{path}: The file is longer than 16 MiB.", path);
        foreach (var encoding in new[] { Utf8, Utf16Little, Utf16Big })
        {
            var preamble = encoding.GetPreamble();
            if (preamble.Length == 0)
                preamble = Encoding.UTF8.GetPreamble();
            if (StartsWith(bytes, preamble) && TryDecode(encoding, bytes, preamble.Length) is { } marked)
                return new RuleText(marked, preamble, encoding, false);
        }

        if (TryDecode(Utf8, bytes, 0) is { } plain)
            return new RuleText(plain, Array.Empty<byte>(), Utf8, false);
        var bytewise = Encoding.GetEncoding(BytewiseCodePage);
        return new RuleText(bytewise.GetString(bytes), Array.Empty<byte>(), bytewise, true);
    }

    /// <summary>Other characters in this file's encoding.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid: the encoding cannot hold them.</exception>
    public RuleText With(string characters)
    {
        if (characters is null)
            throw new ArgumentNullException(nameof(characters));
        var text = new RuleText(characters, _preamble, _encoding, IsBytewise);
        foreach (var c in IsBytewise ? characters : string.Empty)
        {
            if (c > 255)
                throw new ImageBackupException(ErrorId.ParameterInvalid,
                    "The file is not in UTF-8 and cannot hold these characters; save it as UTF-8 first.");
        }

        return text;
    }

    /// <summary>The file's bytes, its byte-order mark included.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid: half of a surrogate pair among the characters.</exception>
    public byte[] Encode()
    {
        byte[] body;
        try
        {
            body = _encoding.GetBytes(Characters);
        }
        catch (EncoderFallbackException e)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid, "A character cannot be written to the file.", null, e);
        }

        if (_preamble.Length == 0)
            return body;
        var bytes = new byte[_preamble.Length + body.Length];
        _preamble.CopyTo(bytes, 0);
        body.CopyTo(bytes, _preamble.Length);
        return bytes;
    }

    private static Encoding Utf8 { get; } = new UTF8Encoding(false, throwOnInvalidBytes: true);
    private static Encoding Utf16Little { get; } = new UnicodeEncoding(bigEndian: false, byteOrderMark: true, throwOnInvalidBytes: true);
    private static Encoding Utf16Big { get; } = new UnicodeEncoding(bigEndian: true, byteOrderMark: true, throwOnInvalidBytes: true);

    private static bool StartsWith(byte[] bytes, byte[] preamble)
    {
        if (bytes.Length < preamble.Length)
            return false;
        for (var i = 0; i < preamble.Length; i++)
        {
            if (bytes[i] != preamble[i])
                return false;
        }

        return true;
    }

    private static string? TryDecode(Encoding encoding, byte[] bytes, int startIndex)
    {
        try
        {
            return encoding.GetString(bytes, startIndex, bytes.Length - startIndex);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
