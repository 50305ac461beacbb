using System;
using System.IO;
using System.Text.Json;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Repository.Locks;

/// <summary>A lock's JSON (design.rst, "Locks").</summary>
internal sealed record LockFile
{
    /// <summary>restic's figure.</summary>
    public static readonly TimeSpan StaleAfter = TimeSpan.FromMinutes(30);

    public required DateTimeOffset Time { get; init; }
    public required bool IsExclusive { get; init; }
    public string HostName { get; init; } = "";
    public string UserName { get; init; } = "";
    public int ProcessId { get; init; }

    public static LockFile ForThisProcess(bool isExclusive, DateTimeOffset now) => new()
    {
        Time = now,
        IsExclusive = isExclusive,
        HostName = LocalHost.Name,
        UserName = Environment.UserName,
        ProcessId = RunningProcess.CurrentId,
    };

    /// <summary>
    /// Older than half an hour, or of this machine and its process is gone (or its number is another's by now). A clock that was set wrong,
    /// there or here, makes no living lock stale: the storage must have had the file for as long.
    /// </summary>
    /// <param name="now">This machine's clock.</param>
    /// <param name="storedFor">How long the file lies there by the storage's clock; null: the storage does not tell.</param>
    public bool IsStale(DateTimeOffset now, TimeSpan? storedFor = null)
    {
        if (string.Equals(HostName, LocalHost.Name, StringComparison.Ordinal) && !RunningProcess.ExistedAt(ProcessId, Time))
            return true;
        bool isOld = now - Time > StaleAfter;
        return storedFor is not { } age ? isOld : age > StaleAfter && (isOld || Time - now > StaleAfter);
    }

    public byte[] Write()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, JsonText.WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("time", JsonText.Time(Time));
            writer.WriteBoolean("exclusive", IsExclusive);
            writer.WriteString("hostname", HostName);
            writer.WriteString("username", UserName);
            writer.WriteNumber("pid", ProcessId);
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }

    /// <exception cref="FormatException">Not a lock.</exception>
    public static LockFile Read(byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            return new LockFile
            {
                Time = JsonText.TimeOf(root, "time") ?? throw new FormatException("The lock has no time."),
                IsExclusive = JsonText.Bool(root, "exclusive") ?? false,
                HostName = JsonText.String(root, "hostname") ?? "",
                UserName = JsonText.String(root, "username") ?? "",
                ProcessId = JsonText.Int(root, "pid") ?? 0,
            };
        }
        catch (Exception e) when (JsonText.IsBadJson(e))
        {
            throw e as FormatException ?? new FormatException("The file does not have the format of a lock.", e);
        }
    }
}
