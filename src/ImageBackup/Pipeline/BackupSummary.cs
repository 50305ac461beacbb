using System.Globalization;

namespace ImageBackup.Pipeline;

/// <summary>What a backup did, in six lines for -Verbose; the figures are on the image too.</summary>
internal static class BackupSummary
{
    public static string[] Of(ImageBackupInfo image)
    {
        string map = image.UsedMapSource is { } source ? $"by the map of {source}" : "the volume is stored whole";
        return
        [
            $"{image.Volume}: Read: {Size(image.ReadBytes)} of a volume of {Size(image.SizeBytes)}",
            $"{image.Volume}: Used: {Size(image.UsedBytes)}, {map}",
            string.Format(CultureInfo.InvariantCulture, "{0}: Changed: {1} in {2} of {3} chunks", image.Volume, Size(image.ChangedBytes), image.NewChunkCount, image.ChunkCount),
            $"{image.Volume}: Stored: {Size(image.StoredBytes)}",
            $"{image.Volume}: Time: {ViewText.Duration(image.Duration)}; {ViewText.Duration(image.PreparationTime)} to prepare, {ViewText.Duration(image.CopyTime)} to copy, {ViewText.Duration(image.RecordTime)} to record",
            $"{image.Volume}: Rate: {Size((long?)image.BytesPerSecond)}/s over the volume",
        ];
    }

    private static string Size(long? bytes) => ProgressText.Size(bytes ?? 0);
}
