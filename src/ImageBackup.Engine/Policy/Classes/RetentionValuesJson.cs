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
        WriteIfGiven(json, "keepLast", retention.KeepLast);
        WriteIfGiven(json, "keepDaily", retention.KeepDaily);
        WriteIfGiven(json, "keepWeekly", retention.KeepWeekly);
        WriteIfGiven(json, "keepMonthly", retention.KeepMonthly);
        WriteIfGiven(json, "keepYearly", retention.KeepYearly);
        if (retention.KeepWithin is not null)
            json.WriteString("keepWithin", retention.KeepWithin);
        if (retention.KeepTags.Count == 0)
            return;
        json.WriteStartArray("keepTags");
        foreach (string tags in retention.KeepTags)
            json.WriteStringValue(tags);
        json.WriteEndArray();
    }

    private static void WriteIfGiven(Utf8JsonWriter json, string name, RetentionLimit? limit)
    {
        if (limit is { } given)
            Write(json, name, given);
    }

    public static void Write(Utf8JsonWriter json, string name, RetentionLimit limit)
    {
        if (limit.Value is { } number)
            json.WriteNumber(name, number);
        else
            json.WriteString(name, limit.ToString());
    }
}
