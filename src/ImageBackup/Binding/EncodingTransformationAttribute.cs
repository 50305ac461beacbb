using System;
using System.Globalization;
using System.Management.Automation;
using System.Text;

namespace ImageBackup.Binding;

/// <summary>Turns PowerShell's names of encodings, those of .NET, and numbers of code pages into encodings.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class EncodingTransformationAttribute : ArgumentTransformationAttribute
{
    /// <summary>Windows PowerShell's way to say bytes: <c>-Encoding Byte</c>.</summary>
    public static Encoding Bytes { get; } = (Encoding)new UTF8Encoding(false).Clone();

    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object bare = InputProperties.Bare(inputData);
        if (bare is null or Encoding)
            return bare;
        string name = Convert.ToString(bare, CultureInfo.InvariantCulture)!;
        try
        {
            return name.ToLowerInvariant() switch
            {
                "ascii" => Encoding.ASCII,
                "ansi" or "oem" => Encoding.GetEncoding(name.Equals("ansi", StringComparison.OrdinalIgnoreCase) ? CultureInfo.CurrentCulture.TextInfo.ANSICodePage : CultureInfo.CurrentCulture.TextInfo.OEMCodePage),
                "bigendianunicode" => Encoding.BigEndianUnicode,
                "bigendianutf32" => new UTF32Encoding(bigEndian: true, byteOrderMark: true),
                "byte" => Bytes,
                "default" or "utf8" or "utf8bom" or "utf8nobom" => new UTF8Encoding(false),
                "latin1" => Encoding.GetEncoding("iso-8859-1"),
                "unicode" => Encoding.Unicode,
                "utf32" => Encoding.UTF32,
                _ => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int page) ? Encoding.GetEncoding(page) : Encoding.GetEncoding(name),
            };
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new ArgumentTransformationMetadataException($"'{name}' is not an encoding that this system knows: {e.Message}", e);
        }
    }
}
