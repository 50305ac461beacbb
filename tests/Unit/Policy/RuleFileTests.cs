using System;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Policy.Rules;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public sealed class RuleFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rules-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private string PathOf(string name) => Path.Combine(_folder, name);

    [Fact]
    public void A_machine_without_rules_has_an_empty_list()
    {
        var file = RuleFile.Load(PathOf("image.rules"));
        Assert.False(file.Exists);
        Assert.Empty(file.Document.Rules);
        Assert.Equal(ErrorId.PolicyReadFailed, Assert.Throws<ImageBackupException>(() => RuleFile.Load(PathOf("image.rules"), mustExist: true)).Id);
    }

    [Fact]
    public void Saving_makes_the_directory_and_the_file_and_leaves_nothing_else()
    {
        var path = PathOf("sub/image.rules");
        var file = RuleFile.Load(path);
        file.Save(file.Document.Set(Include("/a")));
        Assert.True(file.Exists);
        Assert.Equal("/a", RuleFile.Load(path).Document.Rules.Single().Pattern.Text);
        Assert.Equal([path], Directory.GetFileSystemEntries(PathOf("sub")));
    }

    [Fact]
    public void Saving_keeps_mode_and_link()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Modes and links of the UNIX kind.");
            return;
        }

        var real = PathOf("real.rules");
        var link = PathOf("link.rules");
        File.WriteAllText(real, "include.image /a\n");
        File.SetUnixFileMode(real, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        File.CreateSymbolicLink(link, real);
        var file = RuleFile.Load(link);
        file.Save(file.Document.Set(Include("/b")));
        Assert.Equal("include.image /a\ninclude.image /b\n", File.ReadAllText(real));
        Assert.NotNull(new FileInfo(link).LinkTarget);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, File.GetUnixFileMode(real));
    }

    [Fact]
    public void A_file_that_somebody_else_changed_is_not_overwritten()
    {
        var path = PathOf("image.rules");
        File.WriteAllText(path, "include.image /a\n");
        var file = RuleFile.Load(path);
        File.WriteAllText(path, "include.image /other\n");
        Assert.Equal(ErrorId.PolicyWriteFailed, Assert.Throws<ImageBackupException>(() => file.Save(file.Document.Set(Include("/b")))).Id);
        Assert.Equal("include.image /other\n", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task Writers_at_once_lose_nothing_and_readers_see_whole_files()
    {
        var path = PathOf("image.rules");
        var stop = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            // Twenty rules at most, each whole; a torn file would be a fault.
            while (!stop.IsCancellationRequested)
                Assert.True(RuleFile.Load(path).Document.Rules.Count <= 20);
        });
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(() =>
        {
            for (var i = 0; i < 5; i++)
            {
                var attempts = 0;
                for (var saved = false; !saved;)
                {
                    Assert.True(++attempts < 1000, "The rule could not be saved.");
                    var file = RuleFile.Load(path);
                    try
                    {
                        file.Save(file.Document.Set(Include($"/w{writer}/{i}")));
                        saved = true;
                    }
                    catch (ImageBackupException e) when (e.Id == ErrorId.PolicyWriteFailed)
                    {
                        // Somebody was faster; again on the new file.
                    }
                }
            }
        })));
        stop.Cancel();
        await reader;
        Assert.Equal(20, RuleFile.Load(path).Document.Rules.Count);
    }

    [Fact]
    public void What_cannot_be_read_or_written_has_its_error()
    {
        Assert.Equal(ErrorId.PolicyReadFailed, Assert.Throws<ImageBackupException>(() => RuleFile.Load(_folder)).Id);
        File.WriteAllText(PathOf("file"), "");
        var file = RuleFile.Load(PathOf("file/image.rules"));
        Assert.Equal(ErrorId.PolicyWriteFailed, Assert.Throws<ImageBackupException>(() => file.Save(file.Document.Set(Include("/a")))).Id);
    }

    [Fact]
    public void A_huge_file_is_refused_before_it_is_read()
    {
        using (var stream = File.Create(PathOf("image.rules")))
            stream.SetLength(1L << 36);
        Assert.Equal(ErrorId.PolicyReadFailed, Assert.Throws<ImageBackupException>(() => RuleFile.Load(PathOf("image.rules"))).Id);
    }

    [Fact]
    public void An_included_file_is_looked_for_beside_the_one_that_names_it()
    {
        File.WriteAllText(PathOf("dsm.opt"), "tcpport 1500\ninclexcl \"more.list\"\n");
        File.WriteAllText(PathOf("more.list"), "exclude.image /x\n");
        var document = RuleFile.Load(PathOf("dsm.opt")).Document;
        Assert.Equal(PathOf("more.list"), document.Rules.Single().Path);
        File.Delete(PathOf("more.list"));
        Assert.Equal(2, Assert.Throws<RuleFileException>(() => RuleFile.Load(PathOf("dsm.opt"))).Line);
    }

    private static RuleSpecification Include(string pattern) => new() { Kind = RuleKind.Include, Pattern = pattern };
}
