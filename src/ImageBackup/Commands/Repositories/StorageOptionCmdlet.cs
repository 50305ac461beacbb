using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;

namespace ImageBackup.Commands;

/// <summary>The base of cmdlets that say how a repository's storage is spoken to.</summary>
public abstract class StorageOptionCmdlet : RepositoryCmdlet
{
    /// <summary>Options of the storage, by restic's names and with its values: @{ 's3.region' = 'eu-west-1' }. They hold for this connection.</summary>
    [Parameter]
    [ValidateNotNull]
    public IDictionary? StorageOption { get; set; }

    /// <summary>So many files are sent or read at once, 1 to 64: the option "connections" of the storage. 5 for a server, 1 for a directory.</summary>
    [Parameter]
    [ValidateRange(1, 64)]
    public int Connections { get; set; }

    private protected override IReadOnlyDictionary<string, string>? StorageOptionsFor(string scheme)
    {
        var options = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (DictionaryEntry option in StorageOption ?? new Hashtable())
        {
            string name = Convert.ToString(option.Key, CultureInfo.InvariantCulture)!;
            // A text of ours may come wrapped.
            object? value = option.Value is PSObject wrapped ? wrapped.BaseObject : option.Value;
            options[name] = Convert.ToString(value, CultureInfo.InvariantCulture) is { Length: > 0 } text
                ? text
                : throw new ImageBackupException(ErrorId.ParameterInvalid, $"The storage option '{name}' has no value.", name);
        }
        if (IsGiven(nameof(Connections)))
        {
            string name = scheme + ".connections";
            if (options.ContainsKey(name))
                throw new ImageBackupException(ErrorId.ParameterInvalid, $"Both -Connections and the storage option '{name}' are given: leave one out.", name);
            options[name] = Connections.ToString(CultureInfo.InvariantCulture);
        }
        return options.Count > 0 ? options : null;
    }

    /// <summary>Throws if options are given for a repository that is open already: they would mean nothing.</summary>
    private protected void ThrowIfOptionsComeLate(RepositoryConnection open)
    {
        if (StorageOption is not null || IsGiven(nameof(Connections)))
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"The repository '{open.Location}' is open: options of its storage are given when it is opened.", open.Location);
    }
}
