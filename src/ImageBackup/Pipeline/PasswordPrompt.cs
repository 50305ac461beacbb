using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Runtime.InteropServices;
using System.Security;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Pipeline;

/// <summary>Asks for a password by PowerShell's host, without showing it. Call it from the pipeline thread.</summary>
internal static class PasswordPrompt
{
    /// <summary>What was typed; null if there is nobody to ask.</summary>
    /// <exception cref="ImageBackupException">PasswordMissing: the answer is empty.</exception>
    public static SecureString? Ask(PSHost host, string question)
    {
        if (Read(host, question) is not { } typed)
            return null;
        if (typed.Length > 0)
            return typed;
        typed.Dispose();
        throw new ImageBackupException(ErrorId.PasswordMissing, "The password that was typed is empty.")
        {
            RecommendedAction = "Run the command again and type the password.",
        };
    }

    /// <summary>For a password that nothing can be compared with yet: a slip of a finger would lock its owner out.</summary>
    /// <exception cref="ImageBackupException">PasswordMissing: the answer is empty. PasswordsDiffer.</exception>
    public static SecureString? AskTwice(PSHost host, string question)
    {
        if (Ask(host, question) is not { } first)
            return null;
        using SecureString? second = Read(host, "The same again");
        if (second is null)
            return null;
        if (AreSame(first, second))
            return first;
        first.Dispose();
        throw new ImageBackupException(ErrorId.PasswordsDiffer, "The two passwords that were typed differ.");
    }

    /// <summary>
    /// How hosts answer a question that nobody can be asked: -NonInteractive, no user interface, no console. PowerShell's console
    /// does not look for the end of its input and fails by a null reference.
    /// </summary>
    public static bool CannotAsk(Exception failure) =>
        failure is InvalidOperationException or NotImplementedException or NotSupportedException or NullReferenceException
        || failure is HostException and not PromptingException;

    private static SecureString? Read(PSHost host, string question)
    {
        // The console would take the lines of a script's input for the answer, or wait for keys that nobody presses.
        if (host.UI is null || (host.Name == "ConsoleHost" && Console.IsInputRedirected))
            return null;
        var field = new FieldDescription(DisplayText.Line(question));
        field.SetParameterType(typeof(SecureString));
        try
        {
            Dictionary<string, PSObject>? answers = host.UI.Prompt("", "", new Collection<FieldDescription> { field });
            return answers is not null && answers.TryGetValue(field.Name, out PSObject? answer) ? answer?.BaseObject as SecureString : null;
        }
        catch (Exception failure) when (CannotAsk(failure) || failure is IOException)
        {
            return null;
        }
    }

    private static bool AreSame(SecureString first, SecureString second)
    {
        if (first.Length != second.Length)
            return false;
        IntPtr a = Marshal.SecureStringToGlobalAllocUnicode(first), b = Marshal.SecureStringToGlobalAllocUnicode(second);
        try
        {
            int different = 0;
            for (int i = 0; i < first.Length; i++)
                different |= Marshal.ReadInt16(a, i * sizeof(char)) ^ Marshal.ReadInt16(b, i * sizeof(char));
            return different == 0;
        }
        finally
        {
            Marshal.ZeroFreeGlobalAllocUnicode(a);
            Marshal.ZeroFreeGlobalAllocUnicode(b);
        }
    }
}
