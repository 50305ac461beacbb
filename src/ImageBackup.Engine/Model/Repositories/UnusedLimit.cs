using System;
using System.Globalization;

namespace ImageBackup;

/// <summary>
/// How much that nothing refers to may stay in packs whose other content is in use, so that they need not be written
/// again: restic's --max-unused. Bytes, or a share of all that is kept, or no limit.
/// </summary>
public readonly record struct UnusedLimit
{
    private readonly long _bytes;
    private readonly double _percent;
    private readonly bool _isUnlimited;

    private UnusedLimit(long bytes, double percent, bool isUnlimited)
    {
        _bytes = bytes;
        _percent = percent;
        _isUnlimited = isUnlimited;
    }

    /// <summary>5 %, as restic's.</summary>
    public static UnusedLimit Default { get; } = Percent(5);

    /// <summary>No pack is written again: only whole packs go.</summary>
    public static UnusedLimit Unlimited { get; } = new(0, 0, isUnlimited: true);

    /// <exception cref="ImageBackupException">ParameterInvalid: negative.</exception>
    public static UnusedLimit Bytes(long bytes) => bytes >= 0 ? new(bytes, 0, isUnlimited: false) : throw Invalid(bytes.ToString(CultureInfo.InvariantCulture));

    /// <param name="percent">Of what the repository holds afterwards; below 100.</param>
    /// <exception cref="ImageBackupException">ParameterInvalid.</exception>
    public static UnusedLimit Percent(double percent) => percent is >= 0 and < 100
        ? new(0, percent, isUnlimited: false)
        : throw Invalid(percent.ToString(CultureInfo.InvariantCulture) + "%");

    /// <summary>Bytes that may stay unused beside so many used ones.</summary>
    public long AllowedBytes(long usedBytes)
    {
        if (_isUnlimited)
            return long.MaxValue;
        double share = _percent / (100 - _percent) * usedBytes;
        return _percent > 0 ? share >= long.MaxValue ? long.MaxValue : (long)share : _bytes;
    }

    public override string ToString() =>
        _isUnlimited ? "Unlimited" : _percent > 0 ? _percent.ToString(CultureInfo.InvariantCulture) + "%" : _bytes.ToString(CultureInfo.InvariantCulture);

    private static ImageBackupException Invalid(string text) =>
        new(ErrorId.ParameterInvalid, $"'{text}' cannot be a limit of unused space: give bytes, a share from 0% to below 100%, or Unlimited.");
}
