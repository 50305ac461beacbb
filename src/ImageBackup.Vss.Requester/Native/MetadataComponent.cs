using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester.Native;

/// <summary>IVssWMComponent.</summary>
internal sealed unsafe class MetadataComponent(IntPtr pointer) : ComPointer(pointer)
{
    /// <summary>More than any writer has: the System Writer's has some ten thousand.</summary>
    private const uint MostFiles = 1 << 20;

    public WriterMetadataComponent Read()
    {
        ComponentInfo* info = null;
        var getInfo = (delegate* unmanaged[Stdcall]<void*, ComponentInfo**, int>)Method(Slots.Component.GetComponentInfo);
        Check("GetComponentInfo", getInfo(This, &info));
        _ = Given("GetComponentInfo", info);
        try
        {
            var files = new List<WriterFile>();
            Add(files, "GetFile", Slots.Component.GetFile, info->FileCount);
            Add(files, "GetDatabaseFile", Slots.Component.GetDatabaseFile, info->Databases);
            Add(files, "GetDatabaseLogFile", Slots.Component.GetDatabaseLogFile, info->LogFiles);
            return new WriterMetadataComponent(info->Type, TextOf(info->LogicalPath), TextOf(info->ComponentName), TextOf(info->Caption), info->Selectable != 0, files);
        }
        finally
        {
            var free = (delegate* unmanaged[Stdcall]<void*, ComponentInfo*, int>)Method(Slots.Component.FreeComponentInfo);
            _ = free(This, info);
        }
    }

    private void Add(List<WriterFile> files, string call, int slot, uint count)
    {
        if (count > MostFiles)
            throw new VssFailureException(FailureKind.Hopeless, $"{call}: a writer says that it has {count} files");
        for (uint i = 0; i < count; i++)
        {
            void* made = null;
            var get = (delegate* unmanaged[Stdcall]<void*, uint, void**, int>)Method(slot);
            Check(call, get(This, i, &made));
            using var file = new FileDescriptor(Given(call, made));
            files.Add(file.Read());
        }
    }

    /// <summary>The info's own: FreeComponentInfo frees it.</summary>
    private static string TextOf(IntPtr bstr) => bstr == IntPtr.Zero ? "" : Marshal.PtrToStringUni(bstr, (int)NativeMethods.SysStringLen(bstr));
}
