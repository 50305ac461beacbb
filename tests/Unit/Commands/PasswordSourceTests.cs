using System;
using System.IO;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Platform.Files;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Session;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Where the password comes from, and that one setting serves restic and us alike.</summary>
[Collection(CommandTests.Name)]
public sealed class PasswordSourceTests : IDisposable
{
    private static readonly string[] s_variables =
        [PasswordSource.PasswordVariable, PasswordSource.FileVariable, PasswordSource.CommandVariable];

    private readonly string _file = Path.GetTempFileName();

    public PasswordSourceTests() => Clear();

    public void Dispose()
    {
        Clear();
        File.Delete(_file);
    }

    private static void Clear() => Array.ForEach(s_variables, v => Environment.SetEnvironmentVariable(v, null));

    private static string Text()
    {
        using RepositoryPassword password = PasswordSource.Resolve(null, CancellationToken.None);
        return Encoding.UTF8.GetString(password.Utf8);
    }

    private static ImageBackupException Failure() =>
        Assert.Throws<ImageBackupException>(() => PasswordSource.Resolve(null, CancellationToken.None));

    [Fact]
    public void The_parameter_wins()
    {
        Environment.SetEnvironmentVariable(PasswordSource.PasswordVariable, "other");
        using RepositoryPassword password = PasswordSource.Resolve(RepositoryFixture.Secret("pässword"), CancellationToken.None);
        Assert.Equal("pässword", Encoding.UTF8.GetString(password.Utf8));
    }

    [Fact]
    public void None_is_an_error() => Assert.Equal(ErrorId.PasswordNeeded, Failure().Id);

    [Fact]
    public void An_empty_one_is_an_error()
    {
        File.WriteAllText(_file, "\r\n");
        Environment.SetEnvironmentVariable(PasswordSource.FileVariable, _file);
        Assert.Equal(ErrorId.PasswordMissing, Failure().Id);
    }

    [Fact]
    public void The_variable_is_taken_as_it_is()
    {
        Environment.SetEnvironmentVariable(PasswordSource.PasswordVariable, " with blanks ");
        Assert.Equal(" with blanks ", Text());
    }

    [Theory]
    [InlineData("secret\n")]
    [InlineData("secret\r\n")]
    [InlineData("\uFEFFsecret\n")]
    [InlineData(" secret")]
    [InlineData("\u00A0\u2003secret\u3000\u0085\n")]
    public void A_file_is_trimmed_as_restic_does(string content)
    {
        File.WriteAllText(_file, content, new UTF8Encoding(false));
        Environment.SetEnvironmentVariable(PasswordSource.FileVariable, _file);
        Environment.SetEnvironmentVariable(PasswordSource.PasswordVariable, "other");
        Assert.Equal("secret", Text());
    }

    [Theory]
    [InlineData("utf-16", "pässwörd\r\n", "pässwörd")]
    [InlineData("utf-16BE", "pässwörd\n", "pässwörd")]
    [InlineData("utf-8", "pässwörd\n", "pässwörd")]
    [InlineData("utf-16", " two\nlines 𝄞 ", "two\nlines 𝄞")]
    public void A_file_with_a_byte_order_mark_is_decoded_as_restic_does(string encoding, string content, string password)
    {
        File.WriteAllText(_file, content, Encoding.GetEncoding(encoding));
        Environment.SetEnvironmentVariable(PasswordSource.FileVariable, _file);
        Assert.Equal(password, Text());
    }

    [Theory]
    [InlineData(new byte[] { (byte)'a', 0, (byte)'b', 0, 13, 0, 10, 0 }, "NUL")]
    [InlineData(new byte[] { 0xFF, 0xFE, 0, 0, (byte)'a', 0, 0, 0 }, "NUL")]
    [InlineData(new byte[] { (byte)'a', 7, (byte)'b' }, "control")]
    [InlineData(new byte[] { (byte)'a', 0xC2, 0x9B, (byte)'b' }, "control")]
    [InlineData(new byte[] { (byte)'a', 0x7F }, "control")]
    public void A_file_that_decodes_to_control_characters_is_refused(byte[] content, string said)
    {
        File.WriteAllBytes(_file, content);
        Environment.SetEnvironmentVariable(PasswordSource.FileVariable, _file);
        ImageBackupException failure = Failure();
        Assert.Equal(ErrorId.PasswordFileInvalid, failure.Id);
        Assert.Contains(said, failure.Message);
    }

    [Fact]
    public void A_missing_file_is_named_and_a_huge_one_refused()
    {
        Environment.SetEnvironmentVariable(PasswordSource.FileVariable, "/nonexistent/secret");
        Assert.Equal("/nonexistent/secret", Failure().Target);
        File.WriteAllBytes(_file, new byte[100_000]);
        Environment.SetEnvironmentVariable(PasswordSource.FileVariable, _file);
        Assert.Equal(ErrorId.ParameterInvalid, Failure().Id);
    }

    [Fact]
    public void A_command_is_run_without_a_shell()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "printf is a program on Linux only.");
        Environment.SetEnvironmentVariable(PasswordSource.CommandVariable, "printf '%s' 'a $HOME \"b\"; c'");
        Assert.Equal("a $HOME \"b\"; c", Text());
    }

    /// <summary>.NET's own search, and Windows', begins in the current directory, which may be anybody's.</summary>
    [Fact]
    public void A_program_of_the_current_directory_is_not_run()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "sh is a program on Linux only.");
        using var directory = new TemporaryDirectory();
        string program = directory["getpw-of-nobody"];
        File.WriteAllText(program, "#!/bin/sh\ntouch ran\necho stolen\n");
        FileModes.Set(program, 0x1C0);
        string before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = directory.Path;
        try
        {
            Environment.SetEnvironmentVariable(PasswordSource.CommandVariable, "getpw-of-nobody");
            Assert.Equal(ErrorId.PasswordMissing, Failure().Id);
            Assert.False(File.Exists(directory["ran"]));
            // Who names the directory means it.
            Environment.SetEnvironmentVariable(PasswordSource.CommandVariable, "./getpw-of-nobody");
            Assert.Equal("stolen", Text());
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }
    }

    [Fact]
    public void The_command_does_not_see_the_password_variables()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "sh is a program on Linux only.");
        Environment.SetEnvironmentVariable(PasswordSource.PasswordVariable, "other");
        Environment.SetEnvironmentVariable(PasswordSource.CommandVariable, "sh -c 'echo \"got${RESTIC_PASSWORD}${RESTIC_PASSWORD_COMMAND}\"'");
        Assert.Equal("got", Text());
    }

    [Fact]
    public void A_failing_command_is_an_error_that_tells_nothing_it_printed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "sh is a program on Linux only.");
        Environment.SetEnvironmentVariable(PasswordSource.CommandVariable, "sh -c 'echo topsecret; exit 3'");
        ImageBackupException failure = Failure();
        Assert.Equal(ErrorId.PasswordMissing, failure.Id);
        Assert.Contains("exit code 3", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("topsecret", failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_that_does_not_end_is_killed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "sleep is a program on Linux only.");
        ImageBackupException failure = Assert.Throws<ImageBackupException>(
            () => PasswordCommand.Run("sleep 60", TimeSpan.FromMilliseconds(300), 100, CancellationToken.None));
        Assert.Contains("did not end", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_that_prints_too_much_or_cannot_start_is_an_error()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "yes is a program on Linux only.");
        Assert.Throws<ImageBackupException>(() => PasswordCommand.Run("yes", TimeSpan.FromSeconds(10), 100, CancellationToken.None));
        Assert.Throws<ImageBackupException>(
            () => PasswordCommand.Run("/nonexistent/program", TimeSpan.FromSeconds(10), 100, CancellationToken.None));
    }

    [Fact]
    public void A_command_and_a_file_together_are_refused_as_by_restic()
    {
        Environment.SetEnvironmentVariable(PasswordSource.CommandVariable, "printf x");
        Environment.SetEnvironmentVariable(PasswordSource.FileVariable, _file);
        Assert.Equal(ErrorId.ParameterInvalid, Failure().Id);
    }

    [Theory]
    [InlineData("a b  c", "a|b|c")]
    [InlineData("a 'b c' \"d e\"", "a|b c|d e")]
    [InlineData("a ''", "a|")]
    [InlineData("a'b'c", "abc")]
    [InlineData(@"a \'b \""c", "a|'b|\"c")]
    [InlineData(@"C:\x\y z", @"C:\x\y|z")]
    [InlineData("", "")]
    public void Words_are_split_as_restic_splits_them(string line, string words) =>
        Assert.Equal(words, string.Join('|', PasswordCommand.Split(line)));

    [Fact]
    public void An_open_quote_is_refused() => Assert.Throws<ImageBackupException>(() => PasswordCommand.Split("a 'b"));
}
