using System;
using System.Globalization;

namespace ImageBackup.Engine.Policy.Options;

/// <summary>The length of the pieces that a volume is cut into: a power of two from 64 KiB to 4 MiB.</summary>
internal readonly record struct ChunkSize
{
    public const int MinimumBytes = 64 << 10;
    public const int MaximumBytes = 4 << 20;

    /// <summary>The values, for error messages.</summary>
    public const string Values = "a power of two from 64k to 4m, in bytes or with k or m";

    private ChunkSize(int bytes) => Bytes = bytes;

    public int Bytes { get; }

    /// <summary>Null: it is not one.</summary>
    public static ChunkSize? Of(long bytes) =>
        bytes is >= MinimumBytes and <= MaximumBytes && (bytes & (bytes - 1)) == 0 ? new ChunkSize((int)bytes) : null;

    /// <summary>Reads <c>65536</c>, <c>512k</c>, <c>1m</c>; also <c>512KB</c> and <c>1MiB</c>, as PowerShell and people write them. Any case.</summary>
    public static bool TryParse(string? text, out ChunkSize size)
    {
        size = default;
        if (string.IsNullOrEmpty(text))
            return false;
        string digits = text!.ToLowerInvariant();
        if (digits.EndsWith("b", StringComparison.Ordinal))
            digits = digits.Substring(0, digits.Length - (digits.EndsWith("ib", StringComparison.Ordinal) ? 2 : 1));
        int shift = digits.EndsWith("k", StringComparison.Ordinal) ? 10 : digits.EndsWith("m", StringComparison.Ordinal) ? 20 : 0;
        if (shift > 0)
            digits = digits.Substring(0, digits.Length - 1);
        if (!PolicyNumber.TryParse(digits, MaximumBytes, out long count) || Of(count << shift) is not { } found)
            return false;
        size = found;
        return true;
    }

    /// <exception cref="ImageBackupException">ParameterInvalid.</exception>
    public static ChunkSize Parse(string? text) =>
        TryParse(text, out ChunkSize size)
            ? size
            : throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{text}' is not a chunk size: {Values}.");

    /// <summary>The shortest form that reads back as the same size: 64k, 1m.</summary>
    public override string ToString() => Bytes >= 1 << 20
        ? (Bytes >> 20).ToString(CultureInfo.InvariantCulture) + "m"
        : (Bytes >> 10).ToString(CultureInfo.InvariantCulture) + "k";
}
