using System;
using System.IO;
using System.Text;
using ImageBackup.Engine.Repository.Keys;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Password files: their form, who may read them, and every refusal.</summary>
[Collection(CommandTests.Name)]
public sealed class PasswordFileTests(RepositoryFixture fixture) : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"imagebackup-{Guid.NewGuid():N}.password");

    public void Dispose() => File.Delete(_file);

    private ShellResult Run(string script)
    {
        using ShellSession session = fixture.NewSession();
        session.Set("file", _file);
        return session.Run(script);
    }

    private void Write(bool replace = false)
    {
        using RepositoryPassword password = RepositoryPassword.From(RepositoryFixture.Secret(RepositoryFixture.PasswordText));
        PasswordFile.Write(_file, password, PasswordFileScope.CurrentUser, replace);
    }

    [Fact]
    public void What_was_exported_opens_the_repository()
    {
        Assert.Equal(_file, Run("Export-ImageRepositoryPassword $file -Password $password").WithoutErrors().Single<FileInfo>().FullName);
        Run("Connect-ImageRepository $repository -PasswordFile $file; Get-ImageBackup").WithoutErrors();
        Run("Get-ImageBackup -Repository $repository -PasswordFile $file").WithoutErrors();
    }

    [Fact]
    public void It_is_the_users_alone_and_restic_can_read_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows protects the content, not the mode.");
        if (OperatingSystem.IsWindows())
            return;
        Write();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_file));
        Assert.Equal(RepositoryFixture.PasswordText + "\n", File.ReadAllText(_file));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    [InlineData(UnixFileMode.GroupExecute)]
    public void One_that_others_may_use_is_refused(UnixFileMode more)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows protects the content, not the mode.");
        if (OperatingSystem.IsWindows())
            return;
        Write();
        File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.UserWrite | more);
        ShellResult result = Run("Connect-ImageRepository $repository -PasswordFile $file");
        Assert.Equal("PasswordFileUnsafe", result.ErrorId);
        Assert.DoesNotContain(RepositoryFixture.PasswordText, result.Errors[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void One_of_another_user_is_refused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "Only root can give a file away.");
        Write();
        using (var chown = System.Diagnostics.Process.Start("chown", $"12345 {_file}"))
            chown.WaitForExit();
        Assert.Equal("PasswordFileUnsafe", Run("Connect-ImageRepository $repository -PasswordFile $file").ErrorId);
    }

    [Theory]
    [InlineData("", "PasswordMissing")]
    [InlineData(" \n", "PasswordMissing")]
    [InlineData("another\n", "WrongPassword")]
    public void What_is_in_it_decides(string content, string errorId)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows protects the content.");
        Write();
        File.WriteAllText(_file, content);
        Assert.Equal(errorId, Run("Connect-ImageRepository $repository -PasswordFile $file").ErrorId);
    }

    [Fact]
    public void White_space_around_it_is_not_the_password()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows protects the content.");
        Write();
        File.WriteAllText(_file, $"\r\n {RepositoryFixture.PasswordText}\r\n\n");
        Run("Connect-ImageRepository $repository -PasswordFile $file").WithoutErrors();
    }

    [Fact]
    public void One_that_is_not_there_or_too_long_or_a_directory_is_an_error()
    {
        Assert.Equal("PasswordMissing", Run("Connect-ImageRepository $repository -PasswordFile $file").ErrorId);
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows protects the content.");
        Write();
        File.WriteAllText(_file, new string('x', 100_000));
        Assert.Equal("PasswordFileInvalid", Run("Connect-ImageRepository $repository -PasswordFile $file").ErrorId);
        Assert.Equal("PasswordFileInvalid", Run("Connect-ImageRepository $repository -PasswordFile .").ErrorId);
    }

    [Fact]
    public void Both_a_password_and_a_file_are_too_much()
    {
        Write();
        Assert.Equal("ParameterInvalid", Run("Connect-ImageRepository $repository -PasswordFile $file -Password $password").ErrorId);
    }

    [Fact]
    public void One_that_exists_is_replaced_with_Force_only_and_WhatIf_writes_none()
    {
        Run("Export-ImageRepositoryPassword $file -Password $password -WhatIf").WithoutErrors();
        Assert.False(File.Exists(_file));
        File.WriteAllText(_file, "precious");
        Assert.Equal("TargetExists", Run("Export-ImageRepositoryPassword $file -Password $password").ErrorId);
        Assert.Equal("precious", File.ReadAllText(_file));
        Run("$password | Export-ImageRepositoryPassword $file -Force").WithoutErrors();
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_file));
        using RepositoryPassword read = PasswordFile.Read(_file);
        Assert.Equal(RepositoryFixture.PasswordText, Encoding.UTF8.GetString(read.Utf8));
        Assert.Empty(Directory.GetFiles(Path.GetTempPath(), Path.GetFileName(_file) + ".*.tmp"));
    }

    [Fact]
    public void Only_Windows_can_protect_it_for_a_computer()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "This is Windows.");
        Assert.Equal("NotSupported", Run("Export-ImageRepositoryPassword $file -Password $password -Scope LocalMachine").ErrorId);
        Assert.False(File.Exists(_file));
    }
}
