using System;
using System.Collections.Generic;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester.Native;

/// <summary>IVssExamineWriterMetadata.</summary>
internal sealed unsafe class ExaminedWriter(IntPtr pointer) : ComPointer(pointer)
{
    private const uint MostComponents = 1 << 16;

    public WriterMetadata Read()
    {
        Guid instance = default, writer = default;
        void* name = null;
        int usage = 0, source = 0;
        var getIdentity = (delegate* unmanaged[Stdcall]<void*, Guid*, Guid*, void**, int*, int*, int>)Method(Slots.WriterMetadata.GetIdentity);
        Check("GetIdentity", getIdentity(This, &instance, &writer, &name, &usage, &source));
        string writerName = TakeText((IntPtr)name);
        uint included = 0, excluded = 0, count = 0;
        var getCounts = (delegate* unmanaged[Stdcall]<void*, uint*, uint*, uint*, int>)Method(Slots.WriterMetadata.GetFileCounts);
        Check("GetFileCounts", getCounts(This, &included, &excluded, &count));
        if (count > MostComponents)
            throw new VssFailureException(FailureKind.Hopeless, $"GetFileCounts: the writer '{writerName}' says that it has {count} components");
        var components = new List<WriterMetadataComponent>();
        for (uint i = 0; i < count; i++)
        {
            void* made = null;
            var get = (delegate* unmanaged[Stdcall]<void*, uint, void**, int>)Method(Slots.WriterMetadata.GetComponent);
            Check("GetComponent", get(This, i, &made));
            using var component = new MetadataComponent(Given("GetComponent", made));
            components.Add(component.Read());
        }
        void* xml = null;
        var save = (delegate* unmanaged[Stdcall]<void*, void**, int>)Method(Slots.WriterMetadata.SaveAsXml);
        Check("SaveAsXML", save(This, &xml));
        return new WriterMetadata(writer, instance, writerName, TakeText((IntPtr)xml), components);
    }
}
