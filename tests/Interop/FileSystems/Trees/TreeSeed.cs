using System;
using System.IO;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Trees;

/// <summary>Makes the seeds of FuzzedTreeTests in the folder that IMAGEBACKUP_WRITE_SEEDS names: by hand, not in a test run.</summary>
internal static class TreeSeed
{
    private static readonly string? s_folder = Environment.GetEnvironmentVariable("IMAGEBACKUP_WRITE_SEEDS");

    public static void Require(params string[] tools)
    {
        Assert.SkipUnless(s_folder is not null, "IMAGEBACKUP_WRITE_SEEDS names no folder");
        Tool.Require(tools);
    }

    /// <summary>A few files of each kind that every file system has.</summary>
    public static void Fill(string root)
    {
        Directory.CreateDirectory($"{root}/a directory/below/deeper");
        for (int i = 0; i < 60; i++)
            File.WriteAllText($"{root}/a directory/file with a name {i}", new string((char)('a' + i % 26), i * 10));
        for (int i = 0; i < 60; i += 4)
            File.Delete($"{root}/a directory/file with a name {i}");
        var random = new Random(1);
        foreach (int length in new[] { 0, 100, 1000, 5000, 70_000 })
        {
            var bytes = new byte[length];
            random.NextBytes(bytes.AsSpan(0, length / 8));
            File.WriteAllBytes($"{root}/a directory/below/{length}", bytes);
        }
        for (int i = 0; i < 20; i++)
            File.AppendAllText($"{root}/a directory/below/{(i % 2 == 0 ? "odd" : "even")}", new string((char)('a' + i), 3000));
    }

    public static void Write(string name, IFileTreeReader reader, IBlockReader volume) =>
        TreeFuzzer.Capture(reader, volume).Save(Path.Combine(s_folder!, $"tree-{name}.seed"));
}
