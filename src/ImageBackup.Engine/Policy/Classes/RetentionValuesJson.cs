using System.Text.Json;

namespace ImageBackup.Engine.Policy.Classes;

/// <summary>
/// Retention as JSON, in a class's document and in an image's record alike: a limit is a number, or "NoLimit". Their readers are
/// two: a document refuses a value that is not a limit, a record that is only shown takes it as none.
/// </summary>
internal static class RetentionValuesJson
{
    public static void WriteMembers(Utf8JsonWriter json, RetentionValues retention)
    {
        Write(json, "versionsExist", retention.VersionsExist);
        Write(json, "versionsDeleted", retention.VersionsDeleted);
        Write(json, "retainExtraDays", retention.RetainExtraDays);
        Write(json, "retainOnlyDays", retention.RetainOnlyDays);
    }

    public static void Write(Utf8JsonWriter json, string name, RetentionLimit limit)
    {
        if (limit.Value is { } number)
            json.WriteNumber(name, number);
        else
            json.WriteString(name, limit.ToString());
    }
}
