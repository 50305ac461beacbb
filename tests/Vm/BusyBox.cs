using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using ImageBackup.Tests.Kits;

namespace ImageBackup.Tests.Vm;

/// <summary>
/// The machine's first programs: a busybox that needs no shared library. Debian's ordinary one needs them, and conflicts with the
/// package of the other, which is unpacked beside therefore, never installed.
/// </summary>
internal static class BusyBox
{
    private const int ProgramHeaderOffset = 32, EntrySizeOffset = 54, EntryCountOffset = 56, ElfHeaderSize = 64; // ELF-64, gABI chapter 4
    private const uint Interpreter = 3; // PT_INTERP: what a program that needs shared libraries has
    private static readonly string[] s_places = ["bin/busybox", "usr/bin/busybox"];

    /// <summary>Its path; null if none can be had, and <paramref name="whyNot"/> says why.</summary>
    public static string? Find(out string whyNot)
    {
        whyNot = "";
        if (In("/") is { } own)
            return own;
        if (DebianPackage.Unpack("busybox-static", out whyNot) is not { } folder)
            return null;
        whyNot = $"the package busybox-static in '{folder}' holds no static busybox";
        return In(folder);
    }

    /// <summary>Whether an ELF-64 program needs no dynamic linker.</summary>
    public static bool IsStatic(ReadOnlySpan<byte> program)
    {
        if (program.Length < ElfHeaderSize || !program.StartsWith("\u007fELF\u0002\u0001"u8))
            return false;
        ulong at = BinaryPrimitives.ReadUInt64LittleEndian(program[ProgramHeaderOffset..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(program[EntrySizeOffset..]), count = BinaryPrimitives.ReadUInt16LittleEndian(program[EntryCountOffset..]);
        if (at > (ulong)program.Length || (ulong)(size * count) > (ulong)program.Length - at || size < sizeof(uint))
            return false;
        for (int i = 0; i < count; i++)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(program[((int)at + (i * size))..]) == Interpreter)
                return false;
        }
        return true;
    }

    private static string? In(string root) => s_places.Select(place => Path.Combine(root, place)).FirstOrDefault(path => File.Exists(path) && IsStatic(File.ReadAllBytes(path)));
}
