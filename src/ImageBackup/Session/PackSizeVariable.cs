using System;
using System.Globalization;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Session;

/// <summary>restic's variable for the size of packs, in MiB.</summary>
internal static class PackSizeVariable
{
    public const string Name = "RESTIC_PACK_SIZE";

    /// <summary>In bytes; null: it is not set, or 0, which is restic's word for its default.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid: it is not a number that restic takes.</exception>
    public static int? Bytes => Parse(Environment.GetEnvironmentVariable(Name));

    internal static int? Parse(string? text)
    {
        const int least = RepositoryFormat.LeastPackSizeBytes >> 20, most = RepositoryFormat.MostPackSizeBytes >> 20;
        if (string.IsNullOrEmpty(text))
            return null;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int size) || size != 0 && size is < least or > most)
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"The variable {Name} has the value '{text}'. It can be a number of MiB from {least} to {most}.", Name);
        return size == 0 ? null : size << 20;
    }
}
