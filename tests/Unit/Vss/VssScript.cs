using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Threading;
using System.Threading.Tasks;
using Alphaleonis.Win32.Vss;
using ImageBackup.Vss;

namespace ImageBackup.Tests.Unit.Vss;

/// <summary>
/// A VSS that keeps the documented rules and can be told to fail: every object's calls are recorded in one list, and a call may
/// throw, never end, or be waited for. Proxies, so that it fits AlphaVSS's whole interfaces as well as their signatures.
/// </summary>
internal sealed class VssScript : IVssService
{
    private readonly object _gate = new();
    private readonly List<string> _calls = [];
    private readonly Dictionary<Guid, Guid> _snapshots = [];

    public static readonly Guid RegistryWriter = Guid.Parse("afbab4a2-367d-4d15-a586-71dbb18f8485");
    public static readonly Guid SqlWriter = Guid.Parse("a65faa63-5ea8-4ebc-9dbd-a0c4db26912a");

    private static readonly Guid s_registryInstance = Guid.Parse("22222222-2222-3333-4444-555555555555");
    private static readonly Guid s_instance = Guid.Parse("11111111-2222-3333-4444-555555555555");

    public string? WhyNot { get; set; }

    /// <summary>Called before every call with its name and how often it was called so far, this time included; may throw or wait.</summary>
    public Action<string, int>? OnCall { get; set; }

    /// <summary>Given the token of an operation that VSS does in its own time; what it gives back is waited for.</summary>
    public Func<string, int, CancellationToken, Task>? OnWait { get; set; }

    /// <summary>What the writers answer, by how often they were asked.</summary>
    public Func<int, IList<VssWriterStatusInfo>> Status { get; set; } = _ => [Writer(VssWriterState.Stable, VssError.Success)];

    /// <summary>The sets that VSS has; what is in progress is one that StartSnapshotSet began and nothing ended.</summary>
    public HashSet<Guid> Sets { get; } = [];
    public Guid? InProgress { get; set; }
    public int OpenObjects { get; private set; }

    public IReadOnlyList<string> Calls
    {
        get
        {
            lock (_gate)
                return [.. _calls];
        }
    }

    /// <summary>Where SqlServerWriter's data lies, as its components say; a path that ends in \* is one with all that is under it.</summary>
    public string[] SqlFiles { get; set; } = [];

    /// <summary>SqlServerWriter, whose metadata is known; <see cref="Writer"/> is one that told nothing of itself.</summary>
    public static VssWriterStatusInfo KnownWriter(VssWriterState state, VssError failure) => new(s_instance, SqlWriter, "SqlServerWriter", state, failure);

    public static VssWriterStatusInfo Writer(VssWriterState state, VssError failure) => new(Guid.NewGuid(), SqlWriter, "SqlServerWriter", state, failure);

    public string? WhyNotUsable() => WhyNot;

    public object Factory() => Proxy.Of<IVssFactory>((_, _) =>
    {
        Called("CreateVssBackupComponents");
        OpenObjects++;
        return Components();
    });

    public int Count(string name) => Calls.Count(call => call == name);

    private IVssBackupComponents Components()
    {
        bool isOpen = true;
        bool isMetadataGathered = false;
        Guid? own = null;
        object? Answer(MethodInfo method, object?[] arguments)
        {
            string name = method.Name;
            int number = Called(name);
            switch (name)
            {
                case "Dispose":
                    OpenObjects -= isOpen ? 1 : 0;
                    isOpen = false;
                    // A copy of the backup context lives no longer than its object.
                    if (own is { } set)
                        Forget(set);
                    return null;
                case "EnableWriterClasses" or "DisableWriterClasses":
                    if (isMetadataGathered)
                        throw new InvalidOperationException("VSS_E_BAD_STATE");
                    return null;
                case "StartSnapshotSet":
                    if (InProgress is not null)
                        throw new VssSnapshotSetInProgressException("The creation of a shadow copy is already in progress.");
                    own = InProgress = Guid.NewGuid();
                    return own.Value;
                case "AddToSnapshotSet":
                    Guid id = Guid.NewGuid();
                    _snapshots[id] = own!.Value;
                    return id;
                case "DoSnapshotSetAsync":
                    return Then(Wait(name, number, arguments), () =>
                    {
                        // One that ends after its object was let go of leaves nothing.
                        if (isOpen)
                            Sets.Add(own!.Value);
                        InProgress = null;
                    });
                case "GatherWriterMetadataAsync":
                    isMetadataGathered = true;
                    return Wait(name, number, arguments);
                case "AbortBackup":
                    InProgress = null;
                    return null;
                case "DeleteSnapshotSet":
                    Guid gone = (Guid)arguments[0]!;
                    if (!Forget(gone))
                        throw new VssObjectNotFoundException("The specified object was not found.");
                    return 1;
                case "QuerySnapshots":
                    return _snapshots.Where(known => Sets.Contains(known.Value)).Select(known => Properties(known.Key, known.Value)).ToArray();
                case "GetSnapshotProperties":
                    Guid asked = (Guid)arguments[0]!;
                    if (!_snapshots.TryGetValue(asked, out Guid ofSet) || !Sets.Contains(ofSet))
                        throw new VssObjectNotFoundException("The specified object was not found.");
                    return Properties(asked, ofSet);
                case "IsVolumeSupported":
                    return true;
                case "get_WriterStatus":
                    return Status(number);
                case "get_WriterMetadata":
                    return new List<IVssExamineWriterMetadata> 
                    {
                        Metadata("Registry Writer", RegistryWriter, s_registryInstance, [@"C:\Windows\System32\config"]), Metadata("SqlServerWriter", SqlWriter, s_instance, SqlFiles),
                    };
                case "SaveAsXml":
                    return "<BACKUP_COMPONENTS/>";
                default:
                    return method.ReturnType == typeof(Task) ? Wait(name, number, arguments) : null;
            }
        }
        return Proxy.Of<IVssBackupComponents>(Answer);
    }

    private static IVssExamineWriterMetadata Metadata(string name, Guid id, Guid instance, string[] files) => Proxy.Of<IVssExamineWriterMetadata>((method, _) => method.Name switch
    {
        "get_WriterName" => name,
        "get_WriterId" => id,
        "get_InstanceId" => instance,
        "get_Components" => files.Select((file, i) => Component(file, i)).ToList(),
        "SaveAsXml" => $"<WRITER_METADATA name='{name}'/>",
        _ => null,
    });

    /// <summary>The kinds of files take turns.</summary>
    private static IVssWMComponent Component(string file, int number)
    {
        bool isRecursive = file.EndsWith('*');
        List<VssWMFileDescriptor> files = [new VssWMFileDescriptor("", VssFileSpecificationBackupType.AllBackupRequired, "*", file.TrimEnd('*'), isRecursive)];
        string kind = new[] { "get_Files", "get_DatabaseFiles", "get_DatabaseLogFiles" }[number % 3];
        return Proxy.Of<IVssWMComponent>((method, _) => method.Name == kind ? files : method.Name == "Dispose" ? null : new List<VssWMFileDescriptor>());
    }

    private static VssSnapshotProperties Properties(Guid id, Guid set) => new(id, set, 1, @"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy7", "", "", "", "", "",
        Guid.Empty, VssVolumeSnapshotAttributes.Differential, new DateTime(2026, 3, 4, 5, 6, 7), VssSnapshotState.Created);

    private bool Forget(Guid set)
    {
        foreach (Guid id in _snapshots.Where(known => known.Value == set).Select(known => known.Key).ToArray())
            _snapshots.Remove(id);
        return Sets.Remove(set);
    }

    private Task Wait(string name, int number, object?[] arguments) => OnWait?.Invoke(name, number, (CancellationToken)arguments[0]!) ?? Task.CompletedTask;

    private static async Task Then(Task first, Action next)
    {
        await first.ConfigureAwait(false);
        next();
    }

    private int Called(string name)
    {
        int number;
        lock (_gate)
        {
            _calls.Add(name);
            number = _calls.Count(call => call == name);
        }
        OnCall?.Invoke(name, number);
        return number;
    }
}

/// <summary>An interface whose calls are answered by a delegate.</summary>
#pragma warning disable CA1852 // DispatchProxy derives from it at run time.
internal class Proxy : DispatchProxy
#pragma warning restore CA1852
{
    private Func<MethodInfo, object?[], object?> _answer = (_, _) => null;

    public static T Of<T>(Func<MethodInfo, object?[], object?> answer)
        where T : class
    {
        T made = Create<T, Proxy>();
        ((Proxy)(object)made)._answer = answer;
        return made;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _answer(targetMethod!, args ?? []);
}
