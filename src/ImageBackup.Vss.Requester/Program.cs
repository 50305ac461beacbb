namespace ImageBackup.Vss.Requester;

/// <summary>What the .NET Framework starts.</summary>
internal static class Program
{
    public static int Main() => RequesterProgram.Run();
}
