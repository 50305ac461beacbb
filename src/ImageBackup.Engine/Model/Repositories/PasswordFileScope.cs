using System;
using System.ComponentModel;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

namespace ImageBackup;

/// <summary>Who can read a password file on Windows.</summary>
public enum PasswordFileScope
{
    /// <summary>The user who wrote it, on the computer where it was written.</summary>
    CurrentUser,

    /// <summary>Every user of the computer whom the file's own permissions let read it: for tasks of the system's account.</summary>
    LocalMachine,
}
