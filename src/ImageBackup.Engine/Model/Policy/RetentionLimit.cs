using System;
using System.Globalization;

namespace ImageBackup;

/// <summary>A number of versions or days, 0 to 9999, or no limit at all.</summary>
public readonly record struct RetentionLimit
{
    public const int Maximum = 9999;
    private const string NoLimitText = "NoLimit";
    private readonly int _valuePlusOne;

    private RetentionLimit(int valuePlusOne) => _valuePlusOne = valuePlusOne;

    // The type's default value is NoLimit: a value forgotten keeps images rather than losing them.
    public static RetentionLimit NoLimit { get; }

    public bool IsNoLimit => _valuePlusOne == 0;

    /// <summary>The number; null = no limit.</summary>
    public int? Value => IsNoLimit ? null : _valuePlusOne - 1;

    /// <exception cref="ImageBackupException">ParameterInvalid: outside 0 to 9999.</exception>
    public static RetentionLimit Of(int value) => value is >= 0 and <= Maximum
        ? new RetentionLimit(value + 1)
        : throw new ImageBackupException(ErrorId.ParameterInvalid,
            $"{value.ToString(CultureInfo.InvariantCulture)} is outside 0 to 9999; say NoLimit to keep everything.");

    public static implicit operator RetentionLimit(int value) => Of(value);

    public static RetentionLimit FromInt32(int value) => Of(value);

    /// <summary>Reads a number or NoLimit (any case; TSM's abbreviation NOL and longer).</summary>
    public static bool TryParse(string? text, out RetentionLimit limit)
    {
        limit = NoLimit;
        if (text is null)
            return false;
        if (text.Length >= 3 && NoLimitText.StartsWith(text, StringComparison.OrdinalIgnoreCase))
            return true;
        if (!PolicyNumber.TryParse(text, Maximum, out var value))
            return false;
        limit = Of((int)value);
        return true;
    }

    /// <exception cref="ImageBackupException">ParameterInvalid.</exception>
    public static RetentionLimit Parse(string? text) => TryParse(text, out var limit)
        ? limit
        : throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{text}' is neither a number from 0 to 9999 nor NoLimit.", text);

    public override string ToString() => Value?.ToString(CultureInfo.InvariantCulture) ?? NoLimitText;
}
