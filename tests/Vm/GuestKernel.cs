using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using ImageBackup.Tests.Kits;

namespace ImageBackup.Tests.Vm;

/// <summary>Debian's kernel with its modules: the machine's own, or unpacked from the package, which is not installed.</summary>
internal sealed record GuestKernel(string Image, string ModuleDirectory)
{
    // In need of each other in this order; what each of them needs besides is found in the modules themselves. crc32c is asked
    // for by name at run time.
    private static readonly string[] s_wanted =
    [
        "virtio_pci", "virtio_blk", "9pnet_virtio", "9p", "overlay", "crc32c_generic", "dm-mod", "dm-snapshot", "dm-thin-pool", "dm-flakey", "dm-log-writes",
        "loop", "ext4", "xfs",
    ];

    /// <summary>Null if none can be had; <paramref name="whyNot"/> says why.</summary>
    public static GuestKernel? Find(out string whyNot)
    {
        whyNot = "";
        if (Installed("/") is { } own)
            return own;
        // The kernel itself is what the package of this name depends on.
        if (DebianPackage.Unpack("linux-image-amd64", out whyNot, dependency: "linux-image-") is not { } folder)
            return null;
        whyNot = $"'{folder}' holds no kernel with modules";
        return Installed(folder);
    }

    /// <summary>The modules to load, in order, by path.</summary>
    public IReadOnlyList<string> Modules()
    {
        Dictionary<string, string> byName = [];
        foreach (string path in Directory.EnumerateFiles(ModuleDirectory, "*.ko", SearchOption.AllDirectories))
            byName.TryAdd(Plain(Path.GetFileNameWithoutExtension(path)), path);
        var order = new List<string>();
        foreach (string module in s_wanted)
            AddModule(Plain(module), byName, order);
        return order;
    }

    private static void AddModule(string name, Dictionary<string, string> byName, List<string> order)
    {
        // What is built into the kernel has no file.
        if (!byName.TryGetValue(name, out string? path) || order.Contains(path))
            return;
        foreach (string needed in Needs(path))
            AddModule(Plain(needed), byName, order);
        order.Add(path);
    }

    /// <summary>The "depends=" of a module's .modinfo section.</summary>
    private static string[] Needs(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        byte[] key = Encoding.ASCII.GetBytes("\0depends=");
        int at = bytes.AsSpan().IndexOf(key);
        if (at < 0)
            return [];
        ReadOnlySpan<byte> rest = bytes.AsSpan(at + key.Length);
        return Encoding.ASCII.GetString(rest[..rest.IndexOf((byte)0)]).Split(',', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string Plain(string module) => module.Replace('-', '_');

    private static GuestKernel? Installed(string root)
    {
        string boot = Path.Combine(root, "boot");
        if (!Directory.Exists(boot))
            return null;
        foreach (string image in Directory.GetFiles(boot, "vmlinuz-*").OrderDescending(StringComparer.Ordinal))
        {
            string modules = Path.Combine(root, "lib", "modules", Path.GetFileName(image)["vmlinuz-".Length..]);
            if (Directory.Exists(Path.Combine(modules, "kernel")) && Directory.EnumerateFiles(modules, "virtio_blk.ko", SearchOption.AllDirectories).Any())
                return new GuestKernel(image, modules);
        }
        return null;
    }
}
