using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace ImageBackup.Host;

internal sealed partial class ConsoleUserInterface
{
    public override Dictionary<string, PSObject?> Prompt(string caption, string message, Collection<FieldDescription> descriptions)
    {
        ThrowIfNonInteractive("input");
        Say(caption);
        Say(message);
        var answers = new Dictionary<string, PSObject?>();
        foreach (FieldDescription field in descriptions)
        {
            Ask((string.IsNullOrEmpty(field.Label) ? field.Name : field.Label.Replace("&", "", StringComparison.Ordinal)) + ": ");
            bool isSecret = string.Equals(field.ParameterTypeFullName, typeof(SecureString).FullName, StringComparison.Ordinal);
            bool isCredential = string.Equals(field.ParameterTypeFullName, typeof(PSCredential).FullName, StringComparison.Ordinal);
            answers[field.Name] = isSecret
                ? PSObject.AsPSObject(ReadLineAsSecureString())
                : isCredential
                    ? PSObject.AsPSObject(PromptForCredential("", "", "", ""))
                    : PSObject.AsPSObject(ReadLine());
        }
        return answers;
    }

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        ThrowIfNonInteractive("confirmation (use -Confirm:$false or -Force)");
        Say(caption);
        Say(message);
        while (true)
        {
            for (int i = 0; i < choices.Count; i++)
                Ask($"[{Key(choices[i], i)}] {choices[i].Label.Replace("&", "", StringComparison.Ordinal)}  ");
            string defaultKey = defaultChoice >= 0 && defaultChoice < choices.Count ? Key(choices[defaultChoice], defaultChoice) : "";
            Ask($"[?] Help (default is \"{defaultKey}\"): ");
            string? line = Console.ReadLine();
            if (line is null)
                throw new HostException("The command asks for confirmation, and standard input has ended (use -Confirm:$false or -Force).");
            string answer = line.Trim();
            if (answer.Length == 0 && defaultChoice >= 0)
                return defaultChoice;
            if (answer == "?")
            {
                for (int i = 0; i < choices.Count; i++)
                    Ask($"{Key(choices[i], i)} - {choices[i].HelpMessage}{Environment.NewLine}");
                continue;
            }
            for (int i = 0; i < choices.Count; i++)
            {
                if (string.Equals(answer, Key(choices[i], i), StringComparison.OrdinalIgnoreCase)
                    || string.Equals(answer, choices[i].Label.Replace("&", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase))
                {
                    return i;
                }
            }
        }
    }

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        PromptForCredential(caption, message, userName, targetName, PSCredentialTypes.Default, PSCredentialUIOptions.Default);

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options)
    {
        ThrowIfNonInteractive("a credential");
        Say(caption);
        Say(message);
        string user = userName ?? "";
        while (user.Length == 0)
        {
            Ask("User: ");
            user = ReadLine().Trim();
        }
        Ask($"Password for user {user}: ");
        return new PSCredential(user, ReadLineAsSecureString());
    }

    private void Say(string text)
    {
        if (!string.IsNullOrEmpty(text))
            Ask(text + Environment.NewLine);
    }

    /// <summary>Questions go to standard error: they are not data.</summary>
    private void Ask(string text) => Put(Console.Error, text, null);

    /// <summary>The letter after the ampersand of a label, else its number.</summary>
    private static string Key(ChoiceDescription choice, int index)
    {
        int mark = choice.Label.IndexOf('&', StringComparison.Ordinal);
        return mark >= 0 && mark + 1 < choice.Label.Length
            ? choice.Label[mark + 1].ToString().ToUpperInvariant()
            : (index + 1).ToString(CultureInfo.InvariantCulture);
    }
}
