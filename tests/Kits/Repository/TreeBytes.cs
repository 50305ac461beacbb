using System.Collections.Generic;
using System.IO;
using ImageBackup.Engine.Repository.Trees;

namespace ImageBackup.Tests.Kits.Repository;

/// <summary>A tree's bytes, whole.</summary>
internal static class TreeBytes
{
    public static byte[] Of(params IReadOnlyList<TreeNode> nodes)
    {
        using var target = new MemoryStream();
        TreeFile.Write(nodes, target);
        return target.ToArray();
    }
}
