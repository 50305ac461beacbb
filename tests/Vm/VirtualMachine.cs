using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Vm;

/// <summary>How a case in the machine ended.</summary>
internal sealed record CaseResult(string Outcome, string Message);

/// <summary>
/// One boot of an emulated machine with the kernel that this one lacks, in which all cases run; each test asks for its own.
/// Its root is this machine's, read-only under a layer that goes with it; its disk is a sparse file.
/// </summary>
public sealed class VirtualMachine : IDisposable
{
    private const long DiskBytes = 4L << 30;
    private const long SmallDiskBytes = 64L << 20;

    /// <summary>Two more, whose names the kernel gives to one another (vdb, vdc).</summary>
    private static readonly string[] s_smallDisks = ["small-1", "small-2"];

    /// <summary>For who looks for what went wrong in the machine.</summary>
    private static readonly string? s_consoleFile = Environment.GetEnvironmentVariable("IMAGEBACKUP_VM_CONSOLE");

    /// <summary>For who works on a few cases: the beginning of their names.</summary>
    private static readonly string? s_cases = Environment.GetEnvironmentVariable("IMAGEBACKUP_VM_CASES");

    /// <summary>How many power cuts each case makes, for who wants more.</summary>
    private static readonly string? s_cuts = Environment.GetEnvironmentVariable("IMAGEBACKUP_VM_CUTS");

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(s_cuts is null ? 45 : 90);
    private readonly Dictionary<string, CaseResult> _results = [];
    private readonly StringBuilder _console = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("imagebackup-vm-").FullName;
    private readonly string? _whyNot;
    private Process? _qemu;

    public VirtualMachine()
    {
        _whyNot = WhyNot(out GuestKernel? kernel, out string? busyBox, out string guest);
        if (_whyNot is null)
            Run(kernel!, busyBox!, guest);
    }

    /// <summary>Passes, fails or skips the calling test as the case in the machine did.</summary>
    public void Expect(string name)
    {
        Assert.SkipUnless(_whyNot is null, _whyNot ?? "");
        if (!_results.TryGetValue(name, out CaseResult? result))
        {
            string console = _console.ToString();
            Assert.Fail($"The machine did not get to the case '{name}'. The end of its console:\n{console[Math.Max(0, console.Length - 6000)..]}");
        }
        Assert.SkipWhen(result.Outcome == "skip", result.Message);
        Assert.True(result.Outcome == "pass", result.Message);
        if (result.Message != "-")
            TestContext.Current.TestOutputHelper?.WriteLine(result.Message);
    }

    public void Dispose()
    {
        try
        {
            if (_qemu is { HasExited: false })
            {
                _qemu.Kill(entireProcessTree: true);
                _qemu.WaitForExit();
            }
        }
        catch (InvalidOperationException)
        {
            // It has ended meanwhile.
        }
        _qemu?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static string? WhyNot(out GuestKernel? kernel, out string? busyBox, out string guest)
    {
        kernel = null;
        busyBox = null;
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        guest = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../..", "Guest", "bin", configuration, "net10.0", "ImageBackup.Tests.Vm.Guest.dll"));
        if (!OperatingSystem.IsLinux() || System.Runtime.InteropServices.RuntimeInformation.OSArchitecture != System.Runtime.InteropServices.Architecture.X64)
            return "The machine is emulated on x64 Linux only.";
        if (!Environment.IsPrivilegedProcess)
            return "Only root can give the machine this one's whole root.";
        foreach ((string program, string package) in new[]
        {
            ("/usr/bin/qemu-system-x86_64", "qemu-system-x86"), ("/sbin/lvm", "lvm2"), ("/sbin/mkfs.xfs", "xfsprogs"),
        })
        {
            if (!File.Exists(program))
                return $"There is no {program} (the package {package}).";
        }
        if (!File.Exists(guest))
            return $"The guest program was not built: there is no '{guest}'.";
        busyBox = BusyBox.Find(out string why);
        if (busyBox is null)
            return $"No static busybox for the machine: {why}.";
        kernel = GuestKernel.Find(out why);
        return kernel is null ? $"No kernel for the machine: {why}." : null;
    }

    private void Run(GuestKernel kernel, string busyBox, string guest)
    {
        string initramfs = Path.Combine(_directory, "initramfs"), disk = Path.Combine(_directory, "disk");
        MakeInitramfs(kernel, busyBox, initramfs);
        // A copy with the engine's machine code, if the module was laid out with it: emulated, compiling it costs minutes.
        string shared = Path.Combine(_directory, "guest"), root = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../.."));
        CompiledAhead.Copy(Path.GetDirectoryName(guest)!, shared);
        CompiledAhead.TakeModule(root, shared);
        using (FileStream file = File.Create(disk))
            file.SetLength(DiskBytes);
        string[] smallDisks = [.. s_smallDisks.Select(name => Path.Combine(_directory, name))];
        foreach (string small in smallDisks)
        {
            using FileStream file = File.Create(small);
            file.SetLength(SmallDiskBytes);
        }
        var start = new ProcessStartInfo("/usr/bin/qemu-system-x86_64") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        string[] arguments =
        [
            "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3072", "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
            "-kernel", kernel.Image, "-initrd", initramfs,
            "-append", $"console=ttyS0 quiet panic=-1 random.trust_cpu=on mitigations=off guest_dotnet={DotnetPath()} guest_dll=/imagebackup-guest/{Path.GetFileName(guest)}{(s_cases is null ? "" : " guest_cases=" + s_cases)}{(s_cuts is null ? "" : " guest_cuts=" + s_cuts)}",
            "-drive", $"file={disk},format=raw,if=virtio,cache=unsafe,discard=unmap",
            .. smallDisks.SelectMany(small => new[] { "-drive", $"file={small},format=raw,if=virtio,cache=unsafe" }),
            "-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap",
            "-virtfs", $"local,path={shared},mount_tag=guest,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-rng-pci",
        ];
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        _qemu = Process.Start(start)!;
        _qemu.StandardInput.Close();
        _qemu.OutputDataReceived += (_, line) => Take(line.Data);
        _qemu.ErrorDataReceived += (_, line) => Take(line.Data);
        _qemu.BeginOutputReadLine();
        _qemu.BeginErrorReadLine();
        if (!_qemu.WaitForExit((int)s_limit.TotalMilliseconds))
            Take($"VM: stopped, because it took longer than {s_limit.TotalMinutes} minutes.");
        else
            _qemu.WaitForExit();
    }

    private static string DotnetPath()
    {
        string runtime = System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory();
        string path = Path.GetFullPath(Path.Combine(runtime, "../../..", "dotnet"));
        return File.Exists(path) ? path : "/usr/bin/dotnet";
    }

    private static void MakeInitramfs(GuestKernel kernel, string busyBox, string path)
    {
        var archive = new Initramfs();
        foreach (string directory in new[] { "proc", "sys", "dev", "modules" })
            archive.AddDirectory(directory);
        archive.AddFile("init", File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "init.sh")));
        archive.AddFile("bin/busybox", File.ReadAllBytes(busyBox));
        IReadOnlyList<string> modules = kernel.Modules();
        foreach (string module in modules)
            archive.AddFile("modules/" + Path.GetFileName(module), File.ReadAllBytes(module));
        archive.AddFile("modules/order", Encoding.ASCII.GetBytes(string.Join('\n', modules.Select(Path.GetFileName)) + "\n"));
        archive.Save(path);
    }

    /// <summary>A line of the machine's console: "CASE name outcome base64-of-message" is a result.</summary>
    private void Take(string? line)
    {
        if (line is null)
            return;
        lock (_console)
        {
            _console.AppendLine(line);
            if (s_consoleFile is not null)
                File.AppendAllText(s_consoleFile, line + "\n");
            int at = line.IndexOf("CASE ", StringComparison.Ordinal);
            string[] fields = at < 0 ? [] : line[at..].Trim().Split(' ');
            if (fields.Length == 4)
                _results[fields[1]] = new CaseResult(fields[2], Encoding.UTF8.GetString(Convert.FromBase64String(fields[3])));
        }
    }
}
