using System;
using System.Linq;
using ImageBackup.Engine.Items.Drive;
using Xunit;

namespace ImageBackup.Tests.Unit.Items.Drive;

/// <summary>Any name is one part of a path, steers no terminal, and comes back as it was.</summary>
public sealed class DriveNamesTests
{
    [Theory]
    [InlineData("fstab", "fstab")]
    [InlineData("a b", "a b")]
    [InlineData("日本 é 👩‍🚀", "日本 é 👩‍🚀")]
    [InlineData("a:b", "a%3Ab")]
    [InlineData("b\\c", "b%5Cc")]
    [InlineData("[x]*?.txt", "%5Bx%5D%2A%3F.txt")]
    [InlineData("a`b", "a%60b")]
    [InlineData("a/b", "a%2Fb")]
    [InlineData("tab\tesc\u001b[31m", "tab%09esc%1B%5B31m")]
    [InlineData("\u009b\u202e\u2028", "%u009B%u202E%u2028")]
    [InlineData("\U000e0041", "%uDB40%uDC41")]
    [InlineData("100%", "100%")]
    [InlineData("100%25", "100%2525")]
    [InlineData("%u1234", "%25u1234")]
    [InlineData("%%5C", "%%255C")]
    [InlineData("%\\", "%%5C")]
    [InlineData("%5\\", "%5%5C")]
    [InlineData("%u00\\", "%u00%5C")]
    [InlineData(".", "%2E")]
    [InlineData("..", "%2E%2E")]
    [InlineData("~", "%7E")]
    [InlineData("~x", "~x")]
    [InlineData("...", "...")]
    public void A_name_becomes_a_part_of_a_path_and_a_name_again(string name, string part)
    {
        Assert.Equal(part, DriveNames.Escape(name));
        Assert.Equal(name, DriveNames.Unescape(part));
    }

    /// <summary>An attribute cannot hold a single surrogate.</summary>
    [Fact]
    public void Bytes_that_are_not_UTF8_and_single_surrogates_come_back()
    {
        A_name_becomes_a_part_of_a_path_and_a_name_again("caf\udce9", "caf%E9");
        A_name_becomes_a_part_of_a_path_and_a_name_again("\udc80\udcff", "%80%FF");
        A_name_becomes_a_part_of_a_path_and_a_name_again("\ud800x", "%uD800x");
        A_name_becomes_a_part_of_a_path_and_a_name_again("\udfff%80", "%uDFFF%2580");
    }

    [Fact]
    public void Names_at_random_come_back_and_no_two_are_one()
    {
        const string letters = "%%%u0512AFaf.~/\\:*?[]`\u0001\u007f\u0085\u202e\ud800\udb40\udc00\udc80\udce9\udcff日 ";
        var random = new Random(17);
        for (int i = 0; i < 200_000; i++)
        {
            string name = new([.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => letters[random.Next(letters.Length)])]);
            string part = DriveNames.Escape(name);
            Assert.Equal(name, DriveNames.Unescape(part));
            Assert.DoesNotContain(part, c => "/\\:*?[]`".Contains(c, StringComparison.Ordinal) || char.IsControl(c));
            Assert.False(part is "." or "..");
            Assert.Equal([part], DriveNames.Split(part));
        }
    }

    [Theory]
    [InlineData("/a/b", "a|b")]
    [InlineData("\\a\\.\\b\\", "a|b")]
    [InlineData("a//b/../c", "a|c")]
    [InlineData("../../a", "a")]
    [InlineData("a/%2E%2E/b", "a|%2E%2E|b")]
    [InlineData("", "")]
    public void Both_separators_count_and_a_name_of_two_dots_is_no_parent(string path, string parts) =>
        Assert.Equal(parts.Split('|', StringSplitOptions.RemoveEmptyEntries), DriveNames.Split(path));

    [Theory]
    [InlineData("/dev/sda1", "sda1")]
    [InlineData("/dev/mapper/vg-root", "mapper_vg-root")]
    [InlineData("C:", "C")]
    [InlineData("C:\\mnt\\data\\", "C_mnt_data")]
    [InlineData("\\\\?\\Volume{1}\\", "Volume{1}")]
    [InlineData("/srv/a.img", "srv_a.img")]
    [InlineData("/", "root")]
    [InlineData("", "root")]
    [InlineData("/dev/..", "%2E%2E")]
    [InlineData("/dev/a*\u001b", "a%2A%1B")]
    public void A_volume_has_a_short_name(string volume, string name) => Assert.Equal(name, DriveNames.OfVolume(volume));
}
