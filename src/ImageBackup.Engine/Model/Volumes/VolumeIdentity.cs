using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace ImageBackup;

/// <summary>
/// Which volume it is, whatever it is called today: kernel names and drive letters are given away again. Recorded with every
/// image (src/FORMAT.md). Never changes; any thread. To JSON it is the list of its facts: no deeper than an object's lists may be.
/// </summary>
/// <remarks>
/// <para><b>Place and content.</b> Facts of the place (partition GUID, LV UUID ...) stay when a volume is formatted; the file system's
/// UUID does not. The place decides: for a restore (another content is a warning) and for the history (a formatted partition
/// continues its own, and the image says that the file system changed). The file system decides only if a volume has no strong
/// place: a disk without partitions. Hardware is asked last.</para>
/// </remarks>
public sealed class VolumeIdentity : IReadOnlyList<IdentityFact>, IEquatable<VolumeIdentity>
{
    /// <summary>Of the list in image.json; raised when a kind changes its meaning. New kinds may come at any time.</summary>
    public const int CurrentVersion = 1;

    /// <summary>What begins a stable name that no path of a file is.</summary>
    public const string StableNamePrefix = "/imagebackup-volume/";

    private const int MaxFactCount = 32;
    private const int MaxValueChars = 4096;
    private const int LongIdDigits = 16;

    private VolumeIdentity(IReadOnlyList<IdentityFact> facts, bool isDerived)
    {
        Facts = facts;
        IsDerived = isDerived;
    }

    /// <summary>Nothing is known that travels with the volume.</summary>
    public static VolumeIdentity None { get; } = new([], isDerived: false);

    public int Count => Facts.Count;

    public IdentityFact this[int index] => Facts[index];

    /// <summary>The strongest first, at most one of a kind.</summary>
    public IReadOnlyList<IdentityFact> Facts { get; }

    /// <summary>It was made of the fields of an image that is older than identities: what is missing may only not have been recorded.</summary>
    public bool IsDerived { get; }

    /// <summary>
    /// The name under which images are filed: the strongest fact's. A file's is its path. Null if there is no fact: then the
    /// volume's name is all there is.
    /// </summary>
    public string? StableName => Facts.Count == 0 ? null
        : Facts[0] is { Kind: IdentityFactKind.File, Value: var path } ? path
        : StableNamePrefix + IdentityFact.NameOf(Facts[0].Kind) + "/" + Escape(Facts[0].Value);

    /// <summary>
    /// The stable name of one of several clones, told apart by the disk that each lies on; null if nothing tells them apart.
    /// </summary>
    public string? StableNameOfClone => StableName is { } name && Facts[0].Kind != IdentityFactKind.Hardware && Find(IdentityFactKind.Hardware) is { } hardware
        ? name + "/on/" + Escape(hardware.Value.TrimStart('/'))
        : null;

    public IdentityFact? FileSystem => Find(IdentityFactKind.FileSystem);

    /// <summary>The strongest fact of the place that no emulated slot can fake; null: none.</summary>
    internal IdentityFact? StrongPlace => Facts.FirstOrDefault(fact => fact.IsStrongPlace);

    /// <summary>Values that are empty or too long to be an id are left out; of a kind the first counts.</summary>
    public static VolumeIdentity Of(IEnumerable<IdentityFact> facts, bool isDerived = false)
    {
        if (facts is null)
            throw new ArgumentNullException(nameof(facts));
        List<IdentityFact> usable =
        [
            .. facts.Where(fact => fact.Value.Length is > 0 and <= MaxValueChars)
                .GroupBy(fact => fact.Kind).Select(group => group.First()).OrderBy(fact => fact.Kind).Take(MaxFactCount),
        ];
        return new VolumeIdentity(usable, isDerived);
    }

    /// <summary>The same place with this content. Null as id: none is known.</summary>
    /// <param name="type">The file system's type, as the probe names it.</param>
    /// <param name="uuid">Its UUID or serial.</param>
    public VolumeIdentity WithFileSystem(string? type, string? uuid)
    {
        IEnumerable<IdentityFact> place = Facts.Where(fact => fact.Scope == IdentityScope.Place);
        return Of(FileSystemFact(type, uuid) is { } fact ? place.Append(fact) : place, IsDerived);
    }

    internal IdentityFact? Find(IdentityFactKind kind) => Facts.FirstOrDefault(fact => fact.Kind == kind);

    private static IdentityFact? FileSystemFact(string? type, string? uuid)
    {
        // A file system without an id has zeros.
        if (uuid is not { Length: > 0 } || uuid.All(c => c is '0' or '-'))
            return null;
        string id = uuid.ToLowerInvariant();
        bool isLong = id.Count(c => c is not '-') >= LongIdDigits;
        return new IdentityFact(IdentityFactKind.FileSystem, isLong || string.IsNullOrEmpty(type) ? id : type!.ToLowerInvariant() + ":" + id);
    }

    internal IdentityComparison CompareTo(VolumeIdentity other)
    {
        if (other is null)
            throw new ArgumentNullException(nameof(other));
        IdentityFact? content = FileSystem;
        IdentityFact? otherContent = other.FileSystem;
        foreach (IdentityFact fact in Facts.Where(fact => fact.IsStrongPlace))
        {
            if (other.Find(fact.Kind) is not { } match || AreEqual(fact, match) is not { } isEqual)
                continue;
            return Decided(fact, match, isEqual) with
            {
                IsContentChanged = isEqual && content?.Value != otherContent?.Value && (content ?? otherContent) is not null,
            };
        }
        if (content is not null && otherContent is not null)
        {
            if (content.Value != otherContent.Value)
                return Decided(content, otherContent, isEqual: false);
            // A copy of a file system bears its id too: alone it proves nothing about a volume that has a place of its own.
            return !HasPlaceToCompare(this, other)
                ? Decided(content, otherContent, isEqual: true)
                : new IdentityComparison
                {
                    Verdict = IdentityVerdict.CannotTell,
                    One = content,
                    Other = otherContent,
                    Reason = $"the file system is the same ({content.Value}), but that may be a copy, and nothing tells whether the place is ({this}; {other})",
                };
        }
        if (Find(IdentityFactKind.Hardware) is { } hardware && other.Find(IdentityFactKind.Hardware) is { } otherHardware && !HasPlaceToCompare(this, other))
            return Decided(hardware, otherHardware, hardware.Value == otherHardware.Value);
        return new IdentityComparison { Verdict = IdentityVerdict.CannotTell, Reason = $"they have no id in common ({this}; {other})" };
    }

    /// <summary>One of them has a strong place, and the other one's is missing although it would have been recorded.</summary>
    private static bool HasPlaceToCompare(VolumeIdentity one, VolumeIdentity other)
    {
        bool lacks = (one.IsDerived && !HasDecidingPlace(one)) || (other.IsDerived && !HasDecidingPlace(other));
        return !lacks && (one.StrongPlace is not null || other.StrongPlace is not null);
    }

    /// <summary>A partition's number, all that old images have of an MBR's partition beside the signature, decides nothing.</summary>
    private static bool HasDecidingPlace(VolumeIdentity identity) =>
        identity.Facts.Any(fact => fact.IsStrongPlace && !(fact.Kind == IdentityFactKind.MbrPartition && fact.Value.IndexOf('@') < 0));

    private static IdentityComparison Decided(IdentityFact one, IdentityFact other, bool isEqual) => new()
    {
        Verdict = isEqual ? IdentityVerdict.Same : IdentityVerdict.Different,
        One = one,
        Other = other,
        Reason = isEqual ? $"both are {one}" : $"{one} is not {other}",
    };

    /// <summary>Null: these two values of the kind do not decide.</summary>
    private static bool? AreEqual(IdentityFact one, IdentityFact other)
    {
        switch (one.Kind)
        {
            case IdentityFactKind.GptPartition:
                (string disk, string partition) = Split(one.Value, '/');
                (string otherDisk, string otherPartition) = Split(other.Value, '/');
                return partition == otherPartition && (disk == otherDisk || disk.Length == 0 || otherDisk.Length == 0);
            case IdentityFactKind.MbrPartition when one.Value.IndexOf('@') < 0 != other.Value.IndexOf('@') < 0:
                return SignatureOf(one.Value) == SignatureOf(other.Value) ? null : false;
            // Windows does not tell the case of a path's letters apart.
            case IdentityFactKind.File when one.Value.Length > 1 && one.Value[1] == ':':
                return string.Equals(one.Value, other.Value, StringComparison.OrdinalIgnoreCase);
            default:
                return one.Value == other.Value;
        }
    }

    private static string SignatureOf(string value) => value.Split('@', '-')[0];

    private static (string, string) Split(string value, char separator)
    {
        int at = value.IndexOf(separator);
        return at < 0 ? ("", value) : (value.Substring(0, at), value.Substring(at + 1));
    }

    /// <summary>Letters, digits and what is harmless in a path stay; all else becomes %XX of its UTF-8 bytes.</summary>
    private static string Escape(string value)
    {
        var escaped = new StringBuilder(value.Length);
        foreach (byte b in Encoding.UTF8.GetBytes(value))
        {
            char c = (char)b;
            if (c is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9') or '-' or '_' or '.' or ':' or '@' or '/' or '+')
                escaped.Append(c);
            else
                escaped.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }
        return escaped.ToString();
    }

    public IEnumerator<IdentityFact> GetEnumerator() => Facts.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => Facts.GetEnumerator();

    /// <summary>The same facts, of the same source; whether two are of one volume is <see cref="CompareTo"/>'s to say.</summary>
    public bool Equals(VolumeIdentity? other) => other is not null && IsDerived == other.IsDerived && Facts.SequenceEqual(other.Facts);

    public override bool Equals(object? obj) => Equals(obj as VolumeIdentity);

    public override int GetHashCode() => Facts.Count == 0 ? 0 : Facts[0].GetHashCode();

    public override string ToString() => Facts.Count == 0 ? "nothing that identifies it" : string.Join(", ", Facts);
}
