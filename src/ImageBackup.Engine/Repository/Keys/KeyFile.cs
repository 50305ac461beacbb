using System;
using System.Buffers.Text;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using System.Threading;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Sealing;

namespace ImageBackup.Engine.Repository.Keys;

/// <summary>
/// A key file: scrypt's parameters, and the master key sealed under what scrypt makes of a password
/// (design.rst, "Keys, Encryption and MAC"). Plain JSON; hostile until its seal has been opened.
/// </summary>
internal sealed record KeyFile
{
    // restic's default cost: 32 MiB and about a tenth of a second.
    private const int DefaultN = 32768;
    private const int DefaultR = 8;
    private const int DefaultP = 1;

    /// <summary>More than a gigabyte of scrypt memory is an attack, not a parameter.</summary>
    private const long MemoryLimitBytes = 1L << 30;
    private const int ParallelLimit = 64;

    /// <summary>So is more than a minute of it: the bytes that scrypt goes over, p times its memory.</summary>
    internal const long WorkLimitBytes = 8L << 30;

    public required int N { get; init; }
    public required int R { get; init; }
    public required int P { get; init; }
    public required byte[] Salt { get; init; }
    public required byte[] Data { get; init; }
    public string? HostName { get; init; }
    public string? UserName { get; init; }
    public DateTimeOffset? Created { get; init; }

    /// <summary>What the key is for, in its owner's words. A field of ours: restic passes over it.</summary>
    public string? Label { get; init; }

    /// <summary>What trying a password on it costs: the bytes that scrypt goes over.</summary>
    public long WorkBytes => 128L * N * R * P;

    /// <summary>Seals a master key under a password.</summary>
    public static KeyFile Create(MasterKey master, RepositoryPassword password, string? label = null)
    {
        byte[] salt = new byte[64];
        SystemRandom.Fill(salt);
        byte[] json = WriteMaster(master);
        try
        {
            using MasterKey derived = Derive(password, salt, DefaultN, DefaultR, DefaultP);
            using var sealer = new Sealer(derived);
            byte[] data = new byte[json.Length + Sealer.OverheadBytes];
            sealer.Seal(json, data);
            return new KeyFile
            {
                N = DefaultN,
                R = DefaultR,
                P = DefaultP,
                Salt = salt,
                Data = data,
                HostName = LocalHost.Name,
                UserName = Environment.UserName,
                Created = DateTimeOffset.Now,
                Label = label,
            };
        }
        finally
        {
            Array.Clear(json, 0, json.Length);
        }
    }

    /// <summary>The master key; null if the password is another's (or the sealed data was tampered with: one cannot tell).</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="OutOfMemoryException">This machine has not the memory that the key asks for.</exception>
    public MasterKey? Open(RepositoryPassword password, CancellationToken cancellation = default)
    {
        using MasterKey derived = Derive(password, Salt, N, R, P, cancellation);
        using var sealer = new Sealer(derived);
        if (Data.Length <= Sealer.OverheadBytes)
            return null;
        byte[] json = new byte[Data.Length - Sealer.OverheadBytes];
        try
        {
            return sealer.TryOpen(Data, json) ? ReadMaster(json) : null;
        }
        finally
        {
            Array.Clear(json, 0, json.Length);
        }
    }

    internal static MasterKey Derive(RepositoryPassword password, byte[] salt, int n, int r, int p, CancellationToken cancellation = default)
    {
        byte[] derived = Scrypt.Derive(password.Utf8, salt, new ScryptCost(n, r, p), MasterKey.SizeBytes, cancellation);
        try
        {
            return MasterKey.FromDerived(derived);
        }
        finally
        {
            Array.Clear(derived, 0, derived.Length);
        }
    }

    public byte[] Write()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, JsonText.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("created", JsonText.Time(Created ?? DateTimeOffset.Now));
            writer.WriteString("username", UserName);
            writer.WriteString("hostname", HostName);
            writer.WriteString("kdf", "scrypt");
            writer.WriteNumber("N", N);
            writer.WriteNumber("r", R);
            writer.WriteNumber("p", P);
            writer.WriteString("salt", Convert.ToBase64String(Salt));
            writer.WriteString("data", Convert.ToBase64String(Data));
            if (Label is not null)
                writer.WriteString("label", Label);
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }

    /// <exception cref="FormatException">Not a key file, or of unreasonable parameters.</exception>
    public static KeyFile Read(byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            if (root.GetProperty("kdf").GetString() != "scrypt")
                throw new FormatException("The key's derivation is not scrypt.");
            int n = root.GetProperty("N").GetInt32(), r = root.GetProperty("r").GetInt32(), p = root.GetProperty("p").GetInt32();
            if (n < 2 || (n & (n - 1)) != 0 || r is < 1 or > 256 || p is < 1 or > ParallelLimit || 128L * n * r > MemoryLimitBytes || 128L * n * r * p > WorkLimitBytes
                || r == 1 && n >= 1 << 16) // RFC 7914: N < 2^(128 * r / 8)
                throw new FormatException(string.Format(CultureInfo.InvariantCulture, "The key's scrypt parameters N={0} r={1} p={2} are out of bounds.", n, r, p));
            return new KeyFile
            {
                N = n,
                R = r,
                P = p,
                Salt = root.GetProperty("salt").GetBytesFromBase64(),
                Data = root.GetProperty("data").GetBytesFromBase64(),
                HostName = JsonText.String(root, "hostname"),
                UserName = JsonText.String(root, "username"),
                Created = JsonText.TimeOf(root, "created"),
                Label = JsonText.String(root, "label"),
            };
        }
        catch (Exception e) when (JsonText.IsBadJson(e))
        {
            throw new FormatException("The file does not have the format of a key.", e);
        }
    }

    /// <summary>Without strings, which cannot be zeroed.</summary>
    private static byte[] WriteMaster(MasterKey master)
    {
        (string Before, byte[] Key)[] parts = [("{\"mac\":{\"k\":\"", master.MacK), ("\",\"r\":\"", master.MacR), ("\"},\"encrypt\":\"", master.Encryption)];
        const string end = "\"}";
        var json = new byte[parts.Sum(part => part.Before.Length + Base64.GetMaxEncodedToUtf8Length(part.Key.Length)) + end.Length];
        int at = 0;
        foreach ((string before, byte[] key) in parts)
        {
            at += Encoding.UTF8.GetBytes(before, 0, before.Length, json, at);
            _ = Base64.EncodeToUtf8(key, json.AsSpan(at), out _, out int count);
            at += count;
        }
        _ = Encoding.UTF8.GetBytes(end, 0, end.Length, json, at);
        return json;
    }

    private static MasterKey? ReadMaster(byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement mac = document.RootElement.GetProperty("mac");
            byte[] k = mac.GetProperty("k").GetBytesFromBase64(), r = mac.GetProperty("r").GetBytesFromBase64();
            byte[] encryption = document.RootElement.GetProperty("encrypt").GetBytesFromBase64();
            try
            {
                return k.Length == 16 && r.Length == 16 && encryption.Length == 32 ? new MasterKey(encryption, k, r) : null;
            }
            finally
            {
                foreach (byte[] copy in new[] { k, r, encryption })
                    Array.Clear(copy, 0, copy.Length);
            }
        }
        catch (Exception e) when (JsonText.IsBadJson(e))
        {
            return null;
        }
    }
}
