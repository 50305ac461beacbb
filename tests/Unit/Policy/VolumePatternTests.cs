using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using CsCheck;
using ImageBackup.Engine.Policy.Rules;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class VolumePatternTests
{
    // The table of wildcards in TSM's client manual.
    [Theory]
    [InlineData("ab?", "abc", true)]
    [InlineData("ab?", "ab", false)]
    [InlineData("ab?", "abab", false)]
    [InlineData("ab?", "abzzz", false)]
    [InlineData("ab?rs", "abfrs", true)]
    [InlineData("ab?rs", "abrs", false)]
    [InlineData("ab?rs", "abllrs", false)]
    [InlineData("ab?ef?rs", "abdefjrs", true)]
    [InlineData("ab?ef?rs", "abefrs", false)]
    [InlineData("ab?ef?rs", "abdefrs", false)]
    [InlineData("ab?ef?rs", "abefjrs", false)]
    [InlineData("ab??rs", "abcdrs", true)]
    [InlineData("ab??rs", "abzzrs", true)]
    [InlineData("ab??rs", "abrs", false)]
    [InlineData("ab??rs", "abjrs", false)]
    [InlineData("ab??rs", "abkkkrs", false)]
    [InlineData("ab*", "ab", true)]
    [InlineData("ab*", "abb", true)]
    [InlineData("ab*", "abxxx", true)]
    [InlineData("ab*", "a", false)]
    [InlineData("ab*", "aa", false)]
    [InlineData("ab*rs", "abrs", true)]
    [InlineData("ab*rs", "abtrs", true)]
    [InlineData("ab*rs", "abrsrs", true)]
    [InlineData("ab*rs", "ars", false)]
    [InlineData("ab*rs", "aabrs", false)]
    [InlineData("ab*rs", "abrss", false)]
    [InlineData("ab*ef*rs", "abefrs", true)]
    [InlineData("ab*ef*rs", "abefghrs", true)]
    [InlineData("ab*ef*rs", "abefr", false)]
    [InlineData("ab*ef*rs", "abers", false)]
    [InlineData("abcd.*", "abcd.c", true)]
    [InlineData("abcd.*", "abcd", false)]
    [InlineData("abcd.*", "abcdc", false)]
    [InlineData("xxx[abc]", "xxxa", true)]
    [InlineData("xxx[abc]", "xxxc", true)]
    [InlineData("xxx[abc]", "xxxd", false)]
    [InlineData("xxx[a-z]", "xxxq", true)]
    [InlineData("xxx[a-z]", "xxxQ", false)]
    [InlineData("/usr1/[\\[]dir2[\\]]", "/usr1/[dir2]", true)]
    [InlineData("/usr1/[\\[]dir2[\\]]", "/usr1/dir2", false)]
    [InlineData("/usr1/fi[\\*]le1", "/usr1/fi*le1", true)]
    [InlineData("/usr1/fi[\\*]le1", "/usr1/fixle1", false)]
    [InlineData("a[-x]", "a-", true)]
    [InlineData("a[x-]", "a-", true)]
    [InlineData("a[!b]", "ab", true)]
    [InlineData("a[!b]", "ac", false)]

    // A level is a level.
    [InlineData("/data*", "/data1", true)]
    [InlineData("/data*", "/data/old", false)]
    [InlineData("/data?old", "/data/old", false)]
    [InlineData("/data[/-0]old", "/data/old", false)]
    [InlineData("/*", "/home", true)]
    [InlineData("/*", "/", true)]
    [InlineData("/*", "/home/x", false)]
    [InlineData("*", "/home/x", true)]
    [InlineData("/mnt/.../db", "/mnt/db", true)]
    [InlineData("/mnt/.../db", "/mnt/a/db", true)]
    [InlineData("/mnt/.../db", "/mnt/a/b/c/db", true)]
    [InlineData("/mnt/.../db", "/mntdb", false)]
    [InlineData("/mnt/.../db", "/mnt/adb", false)]
    [InlineData("/mnt/...", "/mnt", true)]
    [InlineData("/mnt/...", "/mnt/a/b", true)]
    [InlineData("/mnt/...", "/mntx", false)]
    [InlineData("/.../*", "/a/b", true)]
    [InlineData("/a*/.../b", "/abc/b", true)]
    [InlineData("/a*/.../x*/b", "/abc/xa/q/xb/b", true)]
    [InlineData("/a...", "/a...", true)]

    // Ends, labels.
    [InlineData("/home/", "/home", true)]
    [InlineData("/home", "/home/", true)]
    [InlineData("/", "/", true)]
    [InlineData("/", "/home", false)]
    [InlineData("LABEL=*", "LABEL=a/b", true)]
    [InlineData("LABEL=data?", "LABEL=data1", true)]
    [InlineData("LABEL=/home", "/home", false)]
    [InlineData("/home", "/HOME", false)]
    public void Matches_on_Linux(string pattern, string name, bool expected) =>
        Assert.Equal(expected, Pattern(pattern, false).IsMatch(name));

    [Theory]
    [InlineData("d", "D:", true)]
    [InlineData("d:", "D:\\", true)]
    [InlineData("D:\\", "d:", true)]
    [InlineData("?:", "E:", true)]
    [InlineData("[c-e]:", "D:", true)]
    [InlineData("[c-e]:", "F:", false)]
    [InlineData("[C-E]:", "d:", true)]
    [InlineData("*:", "D:", true)]
    [InlineData("f:\\mnt\\raw\\*", "F:\\mnt\\raw\\rawmnt1\\", true)]
    [InlineData("f:/mnt/raw/*", "F:\\mnt\\raw\\rawmnt1\\", true)]
    [InlineData("f:\\mnt\\*", "F:\\mnt\\raw\\rawmnt1", false)]
    [InlineData("f:\\...\\rawmnt1", "F:\\mnt\\raw\\rawmnt1", true)]
    [InlineData("\\\\?\\Volume{1234abcd-0000-0000-0000-100000000000}\\", "\\\\?\\Volume{1234ABCD-0000-0000-0000-100000000000}\\", true)]
    [InlineData("\\\\?\\Volume{*}", "\\\\?\\Volume{1234abcd-0000-0000-0000-100000000000}\\", true)]
    [InlineData("\\\\?\\Volume{*}", "\\\\x\\Volume{1234abcd-0000-0000-0000-100000000000}\\", false)]
    [InlineData("label=Data", "LABEL=data", true)]
    [InlineData("label=a/b", "LABEL=A/B", true)]
    public void Matches_on_Windows(string pattern, string name, bool expected) =>
        Assert.Equal(expected, Pattern(pattern, true).IsMatch(name));

    [Theory]
    [InlineData("", 0)]
    [InlineData("/a[bc", 2)]
    [InlineData("/a[", 2)]
    [InlineData("/a[b\\", 2)]
    [InlineData("/a[]", 2)]
    [InlineData("/a[z-a]", 3)]
    [InlineData("/a\u0001", 2)]
    public void A_fault_has_its_place(string pattern, int index)
    {
        Assert.Null(VolumePattern.TryParse(pattern, false, out var faultIndex, out var fault));
        Assert.NotNull(fault);
        Assert.Equal(index, faultIndex);
    }

    [Fact]
    public void A_pattern_without_wildcards_is_literal()
    {
        Assert.True(Pattern("\\\\?\\Volume{1}\\", true).IsLiteral);
        Assert.True(Pattern("/dev/sda1", false).IsLiteral);
        Assert.False(Pattern("/dev/sda?", false).IsLiteral);
        Assert.False(Pattern("/dev/sda[12]", false).IsLiteral);
    }

    [Fact]
    public void A_class_of_one_is_that_character()
    {
        Assert.True(Pattern("/usr1/[\\[]dir2[\\]]", false).IsLiteral);
        Assert.False(Pattern("/a[/]b", false).IsMatch("/a/b"));
        Assert.False(Pattern("c:[\\\\]b", true).IsMatch("c:\\b"));
    }

    [Fact]
    public void Agrees_with_a_regular_expression()
    {
        var part = Gen.OneOf("a", "b", "ab", "/", "/", "?", "*", "*", "[ab]", "[a-b]", "[^/]", "/...", "/.../", ".", "[\\]]", "]");
        var patterns = part.Array[1, 8].Select(string.Concat);
        var names = Gen.OneOf("a", "b", "c", "/", "/a", "/b", ".", "...", "^", "]").Array[1, 9].Select(string.Concat);
        var matches = 0;
        Gen.Select(patterns, names, Gen.Bool).Sample((pattern, name, isWindows) =>
        {
            var compiled = VolumePattern.TryParse(pattern, isWindows, out _, out _);
            if (compiled is null)
                return;
            var expected = Oracle(pattern, isWindows).IsMatch(Form(name, isWindows));
            if (expected)
                Interlocked.Increment(ref matches);
            Assert.True(expected == compiled.IsMatch(name), $"{pattern} {name} windows={isWindows} expected={expected}");
        }, iter: 60_000);
        Assert.True(matches > 1_500, $"Only {matches} of the samples matched.");
    }

    [Fact]
    public void Hostile_patterns_take_bounded_time()
    {
        var pattern = Pattern(string.Concat(Enumerable.Repeat("*a", 1500)) + "b", false);
        Assert.False(pattern.IsMatch(new string('a', 4000)));
        var directories = Pattern(string.Concat(Enumerable.Repeat("/.../a*", 400)) + "b", false);
        Assert.False(directories.IsMatch(string.Concat(Enumerable.Repeat("/aa", 1000))));
    }

    private static VolumePattern Pattern(string text, bool isWindows)
    {
        var pattern = VolumePattern.TryParse(text, isWindows, out _, out var fault);
        Assert.True(pattern is not null, fault);
        return pattern;
    }

    private static string Form(string text, bool isWindows)
    {
        if (isWindows)
            text = text.Replace('\\', '/').ToUpperInvariant();
        while (text.Length > 1 && text[^1] == '/')
            text = text[..^1];
        return isWindows && text.Length == 1 && char.IsAsciiLetter(text[0]) ? text + ":" : text;
    }

    // Written from the description of the syntax, not from the matcher.
    private static Regex Oracle(string pattern, bool isWindows)
    {
        while (pattern.Length > 1 && pattern[^1] == '/')
            pattern = pattern[..^1];
        if (pattern.All(c => c == '*'))
            return new Regex("^", RegexOptions.Singleline);
        if (isWindows && pattern.Length == 1 && char.IsAsciiLetter(pattern[0]))
            pattern += ":";
        var regex = new StringBuilder("^");
        for (var i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] == '/' && Regex.IsMatch(pattern[i..], "^/\\.\\.\\.(/|$)"))
            {
                // Whole directories only: what follows begins where one ends.
                regex.Append("(?=/|$)(/[^/]*)*(?=/|$)");
                i += 3;
            }
            else if (pattern[i] == '[')
            {
                var end = pattern[i + 1] == '\\' ? pattern.IndexOf(']', i + 3) : pattern.IndexOf(']', i);
                var members = pattern[(i + 1)..end].Replace("^", "\\^");
                regex.Append("(?![/])[").Append(members).Append(']');
                i = end;
            }
            else
            {
                regex.Append(pattern[i] switch { '?' => "[^/]", '*' => "[^/]*", var c => Regex.Escape(c.ToString()) });
            }
        }

        return new Regex(regex.Append("\\z").ToString(), RegexOptions.Singleline | (isWindows ? RegexOptions.IgnoreCase | RegexOptions.CultureInvariant : 0));
    }
}
