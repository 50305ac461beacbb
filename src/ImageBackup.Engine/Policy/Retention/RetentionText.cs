using System.Collections.Generic;
using System.Globalization;

namespace ImageBackup.Engine.Policy.Retention;

/// <summary>How long images of a class live, in words.</summary>
internal static class RetentionText
{
    /// <summary>What a class keeps: "2 images of the volume, each 30 days after the next one was taken ...". No full stop.</summary>
    public static string Of(RetentionValues values)
    {
        string text = values.VersionsExist.Value is { } count
            ? $"{Count(count, "image")} of the volume, the newest included"
            : "every image of the volume";
        text += values.RetainExtraDays.Value is { } days
            ? $", and an older one for {Count(days, "day")} after the next was taken"
            : ", and an older one without a limit of days";
        List<string> rules = [];
        void Add(RetentionLimit? limit, string what)
        {
            if (limit is { } given && given.Value is not 0)
                rules.Add(given.Value is { } number ? $"{number.ToString(CultureInfo.InvariantCulture)} {what}" : "all " + what);
        }
        Add(values.KeepLast, "last");
        Add(values.KeepDaily, "daily");
        Add(values.KeepWeekly, "weekly");
        Add(values.KeepMonthly, "monthly");
        Add(values.KeepYearly, "yearly");
        if (values.KeepWithin is { } within)
            rules.Add("those of the last " + within);
        if (values.KeepTags.Count > 0)
            rules.Add("those with the tags " + string.Join(" or ", values.KeepTags));
        if (rules.Count > 0)
            text += "; besides " + string.Join(", ", rules);
        return text;
    }

    private static string Count(int count, string noun) => $"{count.ToString(CultureInfo.InvariantCulture)} {noun}{(count == 1 ? "" : "s")}";
}
