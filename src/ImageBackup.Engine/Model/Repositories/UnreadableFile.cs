namespace ImageBackup;

/// <summary>A file of the repository that a repair cannot understand and therefore left as it is.</summary>
/// <param name="Kind">snapshot or pack.</param>
/// <param name="Name">Its name: 64 hexadecimal digits.</param>
/// <param name="Problem">What is wrong with it.</param>
public sealed record UnreadableFile(string Kind, string Name, string Problem)
{
    public override string ToString() => $"{Kind} {Name}: {Problem}";
}
