using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Storage.Transfer;

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

    /// <summary>
    /// Packs that this connection writes are closed once they reach this many bytes, 4 MB to 128 MB; else RESTIC_PACK_SIZE (in MiB), else
    /// 16 MB. Large ones mean fewer files on a server; what is in the repository stays as it is.
    /// </summary>
    [Parameter]
    [ByteSize]
    [ValidateRange((long)RepositoryFormat.LeastPackSizeBytes, (long)RepositoryFormat.MostPackSizeBytes)]
    public long PackSize { get; set; }

    /// <summary>
    /// Bytes a second that are written to the storage at most, 64 KB or more: '2MB', or by hours of the day '08:00-18:00=2MB', '10MB'; the first
    /// entry whose hours hold counts, one without hours else.
    /// </summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? LimitUpload { get; set; }

    /// <summary>Bytes a second that are read from the storage at most; as -LimitUpload.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? LimitDownload { get; set; }

    private protected override TransferLimits? Limits()
    {
        try
        {
            return TransferLimits.Parse(LimitUpload, LimitDownload);
        }
        catch (FormatException e)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid, e.Message, null, e);
        }
    }

    private protected override int? PackSizeBytes => IsGiven(nameof(PackSize)) ? (int)PackSize : null;

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
        if (StorageOption is not null || IsGiven(nameof(Connections)) || IsGiven(nameof(PackSize)) || LimitUpload is not null || LimitDownload is not null)
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"The repository '{open.Location}' is open: options of its storage are given when it is opened.", open.Location);
    }
}
