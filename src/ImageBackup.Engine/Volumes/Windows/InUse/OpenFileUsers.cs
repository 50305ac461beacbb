using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows.InUse;

/// <summary>Which processes have files open, by the Restart Manager (restartmanager.h). It is only asked; nothing is ever closed or restarted.</summary>
internal static unsafe class OpenFileUsers
{
    private const string Library = "rstrtmgr.dll";
    private const int SessionKeyChars = 33;
    private const int MostProcesses = 256;

    /// <summary>Empty if it cannot be told. Never throws.</summary>
    public static IReadOnlyList<string> Of(string[] files)
    {
        try
        {
            if (RmStartSession(out uint session, 0, new char[SessionKeyChars]) != 0)
                return [];
            try
            {
                if (RmRegisterResources(session, (uint)files.Length, files, 0, IntPtr.Zero, 0, IntPtr.Zero) != 0)
                    return [];
                return List(session);
            }
            finally
            {
                _ = RmEndSession(session);
            }
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Windows PE may lack it.
            return [];
        }
    }

    private static List<string> List(uint session)
    {
        var processes = new ProcessInformation[MostProcesses];
        uint count = MostProcesses;
        int error;
        fixed (ProcessInformation* first = processes)
            error = RmGetList(session, out _, ref count, first, out _);
        if (error is not (0 or WindowsError.MoreData))
            return [];
        var users = new List<string>();
        for (int i = 0; i < Math.Min(count, MostProcesses); i++)
        {
            fixed (char* name = processes[i].ApplicationName)
                users.Add(VolumeUsers.Describe(new string(name), processes[i].ProcessId));
        }
        return users;
    }

    [DllImport(Library, CharSet = CharSet.Unicode)]
    private static extern int RmStartSession(out uint session, uint flags, [Out] char[] key);

    [DllImport(Library, CharSet = CharSet.Unicode)]
    private static extern int RmRegisterResources(uint session, uint fileCount, string[] files, uint applicationCount, IntPtr applications, uint serviceCount, IntPtr services);

    [DllImport(Library)]
    private static extern int RmGetList(uint session, out uint needed, ref uint count, ProcessInformation* processes, out uint rebootReasons);

    [DllImport(Library)]
    private static extern int RmEndSession(uint session);

    /// <summary>RM_PROCESS_INFO.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct ProcessInformation
    {
        public int ProcessId;
        public uint StartTimeLow;
        public uint StartTimeHigh;
        public fixed char ApplicationName[256];
        public fixed char ServiceName[64];
        public int ApplicationType;
        public uint ApplicationStatus;
        public uint SessionId;
        public int IsRestartable;
    }
}
