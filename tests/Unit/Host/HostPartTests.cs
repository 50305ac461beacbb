using System;
using System.IO;
using System.Management.Automation;
using System.Text;
using ImageBackup.Host;
using Xunit;

namespace ImageBackup.Tests.Unit.Host;

/// <summary>The Host's parts that need no process: arguments, exit codes, progress, keys.</summary>
public sealed class HostPartTests
{
    private static HostArguments Parse(params string[] args)
    {
        Assert.True(HostArguments.TryParse(args, out HostArguments arguments, out string? complaint), complaint);
        return arguments;
    }

    [Fact]
    public void A_command_is_the_rest_of_the_line()
    {
        HostArguments arguments = Parse("-NoLogo", "-NonInteractive", "-Command", "Get-ImageVolume", "-Volume", "D:");
        Assert.Equal(HostMode.Command, arguments.Mode);
        Assert.Equal("Get-ImageVolume -Volume D:", arguments.CommandText);
        Assert.True(arguments.IsNonInteractive);
        Assert.False(arguments.HasLogo);
    }

    [Fact]
    public void A_file_takes_its_own_arguments()
    {
        HostArguments arguments = Parse("--file", "x.ps1", "-Command", "y");
        Assert.Equal(HostMode.File, arguments.Mode);
        Assert.Equal("x.ps1", arguments.FilePath);
        Assert.Equal(["-Command", "y"], arguments.FileArguments);
    }

    [Theory]
    [InlineData("-Command")]
    [InlineData("-File")]
    [InlineData("-Unknown")]
    [InlineData("word")]
    public void What_is_incomplete_or_unknown_is_refused(string argument)
    {
        Assert.False(HostArguments.TryParse([argument], out _, out string? complaint));
        Assert.False(string.IsNullOrEmpty(complaint));
    }

    [Fact]
    public void No_argument_is_the_prompt_and_help_and_version_are_themselves()
    {
        Assert.Equal(HostMode.Prompt, Parse().Mode);
        Assert.Equal(HostMode.Help, Parse("-?").Mode);
        Assert.Equal(HostMode.Version, Parse("--version").Mode);
    }

    [Theory]
    [InlineData("RepositoryNotFound,ImageBackup.Commands.X", 10)]
    [InlineData("RepositoryLocked,ImageBackup.Commands.X", 11)]
    [InlineData("WrongPassword,ImageBackup.Commands.X", 12)]
    [InlineData("ReadFailed,ImageBackup.Commands.X", 1)]
    [InlineData("Cancelled,ImageBackup.Commands.X", 130)]
    [InlineData("VolumeNotFound,ImageBackup.Commands.X", 1)]
    [InlineData("WrongPassword", 12)]
    [InlineData("", 1)]
    public void An_error_has_the_exit_code_of_its_id(string id, int code) =>
        Assert.Equal(code, ExitCode.Of(new ErrorRecord(new InvalidOperationException(), id, ErrorCategory.NotSpecified, null)));

    [Fact]
    public void The_telling_exit_code_wins()
    {
        Assert.Equal(1, ExitCode.Worse(0, 1));
        Assert.Equal(12, ExitCode.Worse(1, 12));
        Assert.Equal(12, ExitCode.Worse(12, 1));
        Assert.Equal(10, ExitCode.Worse(10, 12));
        Assert.Equal(3, ExitCode.Worse(3, 0));
    }

    [Fact]
    public void The_engine_still_marks_what_came_by_the_error_stream()
    {
        var record = new PSObject(new ErrorRecord(new InvalidOperationException(), "x", ErrorCategory.NotSpecified, null));
        Assert.False(ErrorStreamMark.IsOn(record));
        ErrorStreamMark.Put(record);
        Assert.True(ErrorStreamMark.IsOn(record));
    }

    [Fact]
    public void Progress_is_one_line_on_a_terminal_and_nothing_elsewhere()
    {
        var record = new ProgressRecord(1, "Backing up D:", "Copying") { PercentComplete = 42, SecondsRemaining = 90 };
        Assert.Equal("Backing up D:  42 %  Copying, 0:01:30 left", ProgressLine.Text(record, 100).TrimEnd());
        Assert.Equal(39, ProgressLine.Text(record, 40).Length);
        Assert.Equal(19, ProgressLine.Text(record, 20).Length);

        var quiet = new StringWriter();
        new ProgressLine(quiet, isTerminal: false, () => 80).Show(record);
        Assert.Equal("", quiet.ToString());

        var terminal = new StringWriter();
        var line = new ProgressLine(terminal, isTerminal: true, () => 80);
        line.Show(record);
        Assert.StartsWith("\rBacking up", terminal.ToString(), StringComparison.Ordinal);
        record.RecordType = ProgressRecordType.Completed;
        line.Show(record);
        Assert.EndsWith(new string(' ', 79) + "\r", terminal.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_edit_the_line()
    {
        var line = new StringBuilder();
        int cursor = 0;
        void Press(ConsoleKey key, char c = '\0', bool control = false) =>
            cursor = LineEditor.Apply(new ConsoleKeyInfo(c, key, false, false, control), control, line, cursor);

        foreach (char c in "gett")
            Press(ConsoleKey.A, c);
        Press(ConsoleKey.Backspace);
        Press(ConsoleKey.Home);
        Press(ConsoleKey.Delete);
        Press(ConsoleKey.G, 'G');
        Press(ConsoleKey.End);
        Press(ConsoleKey.D, '-');
        Assert.Equal("Get-", line.ToString());
        Press(ConsoleKey.LeftArrow);
        Press(ConsoleKey.K, control: true);
        Assert.Equal("Get", line.ToString());
        Press(ConsoleKey.U, control: true);
        Assert.Equal(("", 0), (line.ToString(), cursor));
        Press(ConsoleKey.Backspace);
        Press(ConsoleKey.LeftArrow);
        Press(ConsoleKey.RightArrow);
        Assert.Equal(0, cursor);
    }
}
