using System;
using System.Globalization;
using System.Management.Automation;

namespace ImageBackup.Binding;

/// <summary>Turns '5%', a size ('500MB', 1GB, 0) or 'Unlimited' into an <see cref="UnusedLimit"/>.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class UnusedLimitAttribute : ArgumentTransformationAttribute
{
    private static readonly ByteSizeAttribute s_size = new();

    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        try
        {
            if (value is UnusedLimit limit)
                return limit;
            if (value is string text)
            {
                string trimmed = text.Trim();
                if (trimmed.Equals("unlimited", StringComparison.OrdinalIgnoreCase))
                    return UnusedLimit.Unlimited;
                if (trimmed.EndsWith("%", StringComparison.Ordinal)
                    && double.TryParse(trimmed.Substring(0, trimmed.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double percent))
                {
                    return UnusedLimit.Percent(percent);
                }
            }
            if (value is not null && s_size.Transform(engineIntrinsics, value) is { } size && LanguagePrimitives.TryConvertTo(size, out long bytes))
                return UnusedLimit.Bytes(bytes);
        }
        catch (ImageBackupException failure)
        {
            throw new ArgumentTransformationMetadataException(failure.Message, failure);
        }
        throw new ArgumentTransformationMetadataException($"'{value}' is not a limit: give a share such as 5%, a size such as 500MB, or Unlimited.");
    }
}
