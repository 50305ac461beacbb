using System;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>The volume's own table of upper-case letters ($UpCase), by which its directories are sorted.</summary>
internal sealed class NtfsUpcase
{
    private const int CharacterCount = 65536;
    private readonly char[] _upper = new char[CharacterCount];

    private NtfsUpcase(NtfsStream? table)
    {
        if (table is { DataSizeBytes: CharacterCount * 2 })
        {
            var bytes = new byte[CharacterCount * 2];
            table.Read(0, bytes);
            for (int i = 0; i < CharacterCount; i++)
                _upper[i] = (char)(bytes[2 * i] | bytes[2 * i + 1] << 8);
        }
        // One that does not know the letters of ASCII is not a table of letters.
        for (char c = ' '; c < 0x7F; c++)
        {
            if (_upper[c] != (c is >= 'a' and <= 'z' ? (char)(c - 32) : c))
            {
                IsDamaged = true;
                break;
            }
        }
        for (int i = 0; IsDamaged && i < CharacterCount; i++)
            _upper[i] = char.ToUpperInvariant((char)i);
    }

    /// <summary>The volume's table cannot be read: the system's own letters are taken.</summary>
    public bool IsDamaged { get; }

    public static NtfsUpcase Read(NtfsVolume ntfs)
    {
        try
        {
            return new NtfsUpcase(ntfs.OpenStream(ntfs.ReadRecord(NtfsVolume.UpcaseRecord), NtfsVolume.UpcaseRecord, NtfsAttributeType.Data));
        }
        catch (FileSystemFormatException)
        {
            return new NtfsUpcase(null);
        }
    }

    /// <summary>Whether the names differ in case at most.</summary>
    public bool AreEqual(string a, string b)
    {
        if (a.Length != b.Length)
            return false;
        for (int i = 0; i < a.Length; i++)
        {
            if (_upper[a[i]] != _upper[b[i]])
                return false;
        }
        return true;
    }

    /// <summary>The order of a directory: without case; of names that are alike so, with it.</summary>
    public int Compare(string a, string b)
    {
        int length = Math.Min(a.Length, b.Length);
        for (int i = 0; i < length; i++)
        {
            if (_upper[a[i]] != _upper[b[i]])
                return _upper[a[i]] - _upper[b[i]];
        }
        return a.Length != b.Length ? a.Length - b.Length : string.CompareOrdinal(a, b);
    }
}
