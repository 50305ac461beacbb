using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using System.Numerics;

namespace ImageBackup.Binding;

/// <summary>
/// The text of what PowerShell took for a number: an id such as 01234567, 9e11 or 1234567d, written without quotation marks.
/// Of a token that stands for itself PowerShell keeps the text; of one in a list or before a pipe it does not, and then
/// the statement that is being run is asked. A number out of a variable has lost what zeros and exponent were.
/// </summary>
internal static class NumberToken
{
    /// <summary>As many digits as ids are shown with: a number that has them all has lost no zero that could matter.</summary>
    private const int SureLength = 8;

    /// <summary>More digits than any of PowerShell's integers with a suffix: a decimal that is so long was written without one.</summary>
    private const int LongInteger = 20;

    public static bool IsNumber(object? value) =>
        (value is PSObject wrapped ? wrapped.BaseObject : value) is sbyte or byte or short or ushort or int or uint or long or ulong or decimal or float or double or BigInteger;

    /// <summary>The text that was typed; null if it cannot be known.</summary>
    /// <param name="value">As the binder or the pipeline gave it: what PowerShell wrapped is not to be unwrapped before.</param>
    public static string? TextOf(object value)
    {
        object number = value is PSObject wrapped ? wrapped.BaseObject : value;
        string plain = Convert.ToString(number, CultureInfo.InvariantCulture) ?? "";
        string own = new PSObject(number).ToString();
        if (value is PSObject && value.ToString() is { } token && token != own && token != plain)
            return token;
        if (InStatement(number) is { } typed)
            return typed;
        bool isSure = number switch
        {
            float or double => false,
            decimal => plain.Length >= LongInteger,
            _ => plain.Length >= SureLength,
        };
        return isSure && plain.All(c => c is >= '0' and <= '9') ? plain : null;
    }

    /// <summary>The one text by which the statement that is being run writes the number; null if it has none, or several.</summary>
    private static string? InStatement(object number)
    {
        try
        {
            string? statement = Runspace.DefaultRunspace?.Debugger?.GetCallStack().FirstOrDefault()?.Position?.Text;
            if (string.IsNullOrEmpty(statement))
                return null;
            List<string> texts = Parser.ParseInput(statement, out _, out _)
                .FindAll(ast => ast is ConstantExpressionAst { Value: { } constant } && IsNumber(constant) && constant.Equals(number), searchNestedScriptBlocks: true)
                .Select(ast => ast.Extent.Text).Distinct(StringComparer.Ordinal).Take(2).ToList();
            return texts.Count == 1 ? texts[0] : null;
        }
        catch (Exception e) when (e is RuntimeException or InvalidOperationException or NotImplementedException or NotSupportedException)
        {
            // A runspace that does not tell what it runs.
            return null;
        }
    }
}
