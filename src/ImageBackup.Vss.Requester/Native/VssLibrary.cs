using System;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester.Native;

/// <summary>vssapi.dll of the system, and the functions of it that have names.</summary>
internal static unsafe class VssLibrary
{
    private const uint LOAD_LIBRARY_SEARCH_SYSTEM32 = 0x800;

    /// <summary>The names of Windows Vista and later; before it, the C++ ones of a 64-bit library.</summary>
    private static readonly string[] s_create = ["CreateVssBackupComponentsInternal", "?CreateVssBackupComponents@@YAJPEAPEAVIVssBackupComponents@@@Z"];
    private static readonly string[] s_free = ["VssFreeSnapshotPropertiesInternal", "?VssFreeSnapshotProperties@@YAXPEAU_VSS_SNAPSHOT_PROP@@@Z", "VssFreeSnapshotProperties"];

    /// <summary>A new object; not initialized.</summary>
    /// <exception cref="VssFailureException">There is none.</exception>
    public static BackupComponents Create()
    {
        var create = (delegate* unmanaged[Stdcall]<void**, int>)Export(s_create);
        void* made = null;
        int result = create(&made);
        if (VssResult.Failed(result) || made == null)
            throw new VssFailureException(VssResult.KindOf(result), $"CreateVssBackupComponents: {VssResult.Describe(result)}", result);
        return new BackupComponents((IntPtr)made, (delegate* unmanaged[Stdcall]<SnapshotProperties*, void>)Export(s_free));
    }

    private static IntPtr Export(string[] names)
    {
        // By its name only, from the system's folder only.
        IntPtr library = NativeMethods.LoadLibraryExW("vssapi.dll", IntPtr.Zero, LOAD_LIBRARY_SEARCH_SYSTEM32);
        if (library == IntPtr.Zero)
            throw new VssFailureException(FailureKind.Hopeless, "vssapi.dll cannot be loaded");
        foreach (string name in names)
        {
            IntPtr found = NativeMethods.GetProcAddress(library, name);
            if (found != IntPtr.Zero)
                return found;
        }
        throw new VssFailureException(FailureKind.Hopeless, $"vssapi.dll has no {names[0]}");
    }
}
