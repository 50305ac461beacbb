using System;

namespace ImageBackup.Vss.Requester.Native;

/// <summary>IVssWMFiledesc.</summary>
internal sealed unsafe class FileDescriptor(IntPtr pointer) : ComPointer(pointer)
{
    public WriterFile Read()
    {
        void* path = null;
        var getPath = (delegate* unmanaged[Stdcall]<void*, void**, int>)Method(Slots.FileDescriptor.GetPath);
        Check("GetPath", getPath(This, &path));
        string directory = TakeText((IntPtr)path);
        byte isRecursive = 0;
        var getRecursive = (delegate* unmanaged[Stdcall]<void*, byte*, int>)Method(Slots.FileDescriptor.GetRecursive);
        Check("GetRecursive", getRecursive(This, &isRecursive));
        return new WriterFile(directory, isRecursive != 0);
    }
}
