using System;

namespace ImageBackup.Engine.FileSystems.Fat;

/// <summary>
/// The characters of short names. A volume does not say which code page its names are of: that of the IBM PC is taken, as Linux does.
/// </summary>
internal static class CodePage437
{
    private const string Upper =
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐" +
        "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00A0";

    /// <summary>Trailing blanks cut.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes, bool isLowerCase)
    {
        int length = bytes.Length;
        while (length > 0 && bytes[length - 1] == ' ')
            length--;
        var text = new char[length];
        for (int i = 0; i < length; i++)
        {
            char c = bytes[i] < 0x80 ? (char)bytes[i] : Upper[bytes[i] - 0x80];
            text[i] = isLowerCase ? char.ToLowerInvariant(c) : c;
        }
        return new string(text);
    }
}
