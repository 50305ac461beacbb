using System;
using CsCheck;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class PatternEscapeTests
{
    [Theory]
    [InlineData("/dev/sda1", false, "/dev/sda1")]
    [InlineData("/srv/a*[1]?", false, "/srv/a[*][[]1][?]")]
    [InlineData("/srv/.../x", false, "/srv/[.]../x")]
    [InlineData(@"\\?\Volume{1-2}\", true, @"\\?\Volume{1-2}\")]
    [InlineData(@"\\?\Volume{1-2}\[a]", true, @"\\?\Volume{1-2}\[[]a]")]
    [InlineData("LABEL=a/.../b", false, "LABEL=a/.../b")]
    public void A_name_is_written_as_a_pattern(string name, bool isWindows, string pattern) =>
        Assert.Equal(pattern, VolumePattern.Escape(name, isWindows));

    /// <summary>It matches the name, and none that differs in one character (but for case and separators on Windows).</summary>
    [Fact]
    public void The_pattern_matches_that_name_and_no_other()
    {
        Gen<string> names = Gen.Char["ab/.*?[]\\-:"].Array[1, 12].Select(characters => "/" + new string(characters));
        Gen.Select(names, Gen.Bool, Gen.Int[0, 12], Gen.Char["xyz"]).Sample((name, isWindows, at, other) =>
        {
            VolumePattern pattern = VolumePattern.TryParse(VolumePattern.Escape(name, isWindows), isWindows, out _, out string? fault)
                ?? throw new InvalidOperationException($"{name}: {fault}");
            Assert.True(pattern.IsMatch(name), name);
            at %= name.Length;
            string changed = name[..at] + other + name[(at + 1)..];
            // Separators at the end do not count.
            if (changed.TrimEnd('/', '\\') != name.TrimEnd('/', '\\'))
                Assert.False(pattern.IsMatch(changed), $"{pattern} matches {changed}");
        });
    }

    [Fact]
    public void Options_are_set_and_shown_as_the_rule_syntax_writes_them()
    {
        ImageOptions options = ImageOptions.Empty.With("imagegapsize", "64").With("IMAGETYPE", "Static").With("presnapshotcmd", "a b");
        Assert.Equal("imagetype=static imagegapsize=64k presnapshotcmd=\"a b\"", options.ToString());
        Assert.Equal("", ImageOptions.Empty.ToString());
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => options.With("imagetype", "odd")).Id);
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => options.With("nope", "1")).Id);
    }
}
