using System;
using System.Collections.Generic;
using ImageBackup.Engine.Volumes.Windows;
using ImageBackup.Engine.Volumes.Windows.Native;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Windows;

/// <summary>The order of the calls; that they do what they should is shown under Wine (tests/Wine).</summary>
public sealed class QuiescedVolumeTests
{
    private const uint Lock = 0x90018, Unlock = 0x9001C, Dismount = 0x90020, ExtendedDasd = 0x90083;
    private const int AccessDenied = 5;

    [Fact]
    public void Locked_dismounted_read_and_unlocked()
    {
        var driver = new Driver();
        QuiescedVolume resting = QuiescedVolume.Take(driver, "D:", () => []);
        Assert.Equal([Lock, Dismount, ExtendedDasd], driver.Calls);
        var reader = new MemoryReader(new byte[512], 512);
        resting.Reads(reader);
        Assert.Null(resting.Disturbance());
        Assert.Empty(resting.Release());
        resting.Dispose();
        Assert.Equal([Lock, Dismount, ExtendedDasd, Unlock], driver.Calls);
    }

    [Fact]
    public void Who_has_it_in_use_is_named()
    {
        var driver = new Driver { Refused = Lock };
        var e = Assert.Throws<ImageBackupException>(() => QuiescedVolume.Take(driver, "D:", () => ["Notepad (12)", "SQL Server (7)"]));
        Assert.Equal(ErrorId.VolumeInUse, e.Id);
        Assert.Contains("Notepad (12), SQL Server (7)", e.Message, StringComparison.Ordinal);
        Assert.Equal([Lock], driver.Calls);
    }

    [Fact]
    public void One_that_is_not_dismounted_is_unlocked_again()
    {
        var driver = new Driver { Refused = Dismount };
        Assert.Equal(ErrorId.VolumeInUse, Assert.Throws<ImageBackupException>(() => QuiescedVolume.Take(driver, "D:", () => [])).Id);
        Assert.Equal([Lock, Dismount, Unlock], driver.Calls);
    }

    [Fact]
    public void A_closed_handle_has_let_go_of_the_lock()
    {
        var driver = new Driver();
        QuiescedVolume resting = QuiescedVolume.Take(driver, "D:", () => []);
        driver.IsClosed = true;
        Assert.Empty(resting.Release());
    }

    private sealed class Driver : IVolumeControl
    {
        public List<uint> Calls { get; } = [];
        public uint? Refused { get; init; }
        public bool IsClosed { get; set; }

        public bool Control(uint code, ReadOnlySpan<byte> input, Span<byte> output, out int returnedBytes, out int error)
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            Calls.Add(code);
            returnedBytes = 0;
            error = code == Refused ? AccessDenied : 0;
            return code != Refused;
        }
    }
}
