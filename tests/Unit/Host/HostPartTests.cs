using System;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using ImageBackup.Host;
using Xunit;

namespace ImageBackup.Tests.Unit.Host;

/// <summary>What the Host takes from the inside of PowerShell's engine, in the version that it carries.</summary>
public sealed class HostPartTests
{
    [Fact]
    public void The_engine_still_marks_what_came_by_the_error_stream()
    {
        using var shell = PowerShell.Create();
        shell.AddScript("Write-Error shown; $Error[0]; 'data'").Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
        PSObject[] output = [.. shell.Invoke()];
        Assert.Equal(3, output.Length);
        Assert.Equal([true, true, false], output.Select(each => each.BaseObject is ErrorRecord));
        Assert.Equal([true, false, false], output.Select(ErrorStreamMark.IsOn));
    }

    [Fact]
    public void The_recording_command_takes_the_place_of_Out_Default()
    {
        var state = InitialSessionState.CreateDefault2();
        RunRecord.Attach(state);
        var entry = Assert.IsType<SessionStateCmdletEntry>(Assert.Single(state.Commands["Out-Default"]));
        Assert.Equal(typeof(RecordingOutDefaultCommand), entry.ImplementingType);
    }
}
