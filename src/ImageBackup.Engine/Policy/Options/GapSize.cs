using System.Globalization;

namespace ImageBackup.Engine.Policy.Options;

/// <summary>
/// TSM's imagegapsize: an unused run of a volume that is <b>longer than</b> the gap is left out of the
/// image; one of exactly the gap's length or shorter is stored, so that the volume is read in longer pieces.
/// A gap of 0 stores everything, the unused tail included. Any other gap leaves the unused tail out, however short.
/// </summary>
/// <remarks>Kept in KiB, as TSM counts: 0 to 4294967295. The default value of the type is a gap of 0.</remarks>
internal readonly record struct GapSize
{
    public const long MaximumKibibytes = 4294967295;
    private const long BytesPerKibibyte = 1024;

    private GapSize(long kibibytes) => Kibibytes = kibibytes;

    /// <summary>The default: 32 KiB.</summary>
    public static GapSize Default { get; } = new(32);

    /// <summary>Stores everything.</summary>
    public static GapSize Everything { get; } = new(0);

    public long Kibibytes { get; }
    public long Bytes => Kibibytes * BytesPerKibibyte;
    public bool StoresEverything => Kibibytes == 0;

    /// <exception cref="ImageBackupException">ParameterInvalid: outside 0 to 4294967295.</exception>
    public static GapSize FromKibibytes(long kibibytes) =>
        kibibytes is >= 0 and <= MaximumKibibytes
            ? new GapSize(kibibytes)
            : throw new ImageBackupException(ErrorId.ParameterInvalid,
                $"A gap size of {kibibytes.ToString(CultureInfo.InvariantCulture)} KB is outside 0 to 4294967295 KB.");

    /// <summary>Reads <c>32</c>, <c>32k</c>, <c>1m</c>, <c>2g</c>: digits and at most one suffix, any case; no suffix = KB.</summary>
    public static bool TryParse(string? text, out GapSize gap)
    {
        gap = default;
        if (string.IsNullOrEmpty(text))
            return false;
        long unitKibibytes = char.ToLowerInvariant(text![text.Length - 1]) switch
        {
            'k' => 1,
            'm' => 1024,
            'g' => 1024 * 1024,
            _ => 0,
        };
        var digits = unitKibibytes == 0 ? text : text.Substring(0, text.Length - 1);
        if (!PolicyNumber.TryParse(digits, MaximumKibibytes, out var count))
            return false;

        // At most 2^32 times 2^20: no overflow.
        var kibibytes = count * (unitKibibytes == 0 ? 1 : unitKibibytes);
        if (kibibytes > MaximumKibibytes)
            return false;
        gap = new GapSize(kibibytes);
        return true;
    }

    /// <exception cref="ImageBackupException">ParameterInvalid.</exception>
    public static GapSize Parse(string? text) =>
        TryParse(text, out var gap)
            ? gap
            : throw new ImageBackupException(ErrorId.ParameterInvalid,
                $"'{text}' is not a gap size: 0 to 4294967295, with k, m or g or without (KB).");

    /// <summary>True if an unused run is stored all the same.</summary>
    /// <param name="runBytes">The run's length in bytes.</param>
    /// <param name="isTail">The run reaches the end of the volume.</param>
    public bool Stores(long runBytes, bool isTail) => StoresEverything || (!isTail && runBytes <= Bytes);

    /// <summary>The shortest form that reads back as the same gap: 0, 48k, 1m, 2g.</summary>
    public override string ToString() => Kibibytes switch
    {
        0 => "0",
        var k when k % (1024 * 1024) == 0 => (k / (1024 * 1024)).ToString(CultureInfo.InvariantCulture) + "g",
        var k when k % 1024 == 0 => (k / 1024).ToString(CultureInfo.InvariantCulture) + "m",
        var k => k.ToString(CultureInfo.InvariantCulture) + "k",
    };
}
