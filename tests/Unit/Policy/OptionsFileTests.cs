using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class OptionsFileTests
{
    private const string DsmSys = """
        ************************************************
        * Sample Client System Options file
        ************************************************
        imagetype          static
        SErvername  server_a
          COMMmethod         TCPip
          Password           topsecret "unclosed
          InclExcl           inclexcl.list
          domain.image       /a
          include.image      /a MCA deduplication=yes
        SErvername  server_b
          TCPServeraddress   192.168.1.1
          include.image      /b MCB[ broken
          imagegapsize       broken
        """;

    private const string InclExcl = """
        exclude /.../core
        exclude.image /scratch
        include.image /db MCDB
        """;

    [Fact]
    public void Ours_are_taken_and_the_others_passed_over()
    {
        var document = Parse(DsmSys);
        Assert.Equal(["/a", "/db", "/scratch"], document.Rules.Select(rule => rule.Pattern.Text));
        Assert.Equal("/opt/tsm/inclexcl.list", document.Rules[1].Path);
        Assert.Equal(3, document.Rules[1].Line);
        Assert.Equal(["/a"], document.Domain.Select(each => each.Text));
        Assert.Equal(ImageType.Static, document.ClientOptions.ImageType);
        Assert.Null(document.ClientOptions.GapSize);
    }

    [Fact]
    public void Remarks_name_what_was_passed_over_and_show_no_value()
    {
        var remarks = Parse(DsmSys).Remarks;
        Assert.Contains(remarks, remark => remark.Line == 6 && remark.Message.Contains("COMMmethod", StringComparison.Ordinal));
        Assert.Contains(remarks, remark => remark.Line == 10 && remark.Message.Contains("deduplication", StringComparison.Ordinal));
        Assert.Contains(remarks, remark => remark.Line == 11 && remark.Message.Contains("another server", StringComparison.Ordinal));
        Assert.Contains(remarks, remark => remark.Path == "/opt/tsm/inclexcl.list" && remark.Line == 1);
        Assert.DoesNotContain(remarks, remark => remark.ToString().Contains("topsecret", StringComparison.Ordinal)
            || remark.ToString().Contains("192.168", StringComparison.Ordinal));
    }

    [Fact]
    public void The_stanza_is_the_one_asked_for_or_the_default_servers_or_the_first()
    {
        const string text = "servername a\ninclude.image /a\nSERVERNAME b\ninclude.image /b\n";
        Assert.Equal("/a", Only(text, null));
        Assert.Equal("/b", Only("DEFAULTServer b\n" + text, null));
        Assert.Equal("/b", Only(text, "B"));
        Assert.Equal("/a", Only("DEFAULTServer b\n" + text, "a"));
        Assert.Equal((1, ErrorId.RuleInvalid), Fault(text, "c"));
        Assert.Equal((1, ErrorId.RuleInvalid), Fault("DEFAULTServer c\n" + text, null));

        // dsm.opt on UNIX only names the server whose stanza lies in dsm.sys.
        Assert.Equal("/a", Only("SErvername server_a\nTapeprompt No\ninclude.image /a\n", null));
        Assert.Equal("/a", Only("DEFAULTServer x\ninclude.image /a\n", null));
    }

    [Fact]
    public void A_faulty_statement_of_ours_is_an_error_here_too()
    {
        Assert.Equal((2, ErrorId.RuleInvalid), Fault("tcpport 1500\ninclude.image /a[\n", null));
        Assert.Equal((1, ErrorId.RuleInvalid), Fault("inclexcl nowhere\n", null));
    }

    [Fact]
    public void A_fault_in_an_included_file_names_that_file()
    {
        var options = Options(null) with { OpenIncluded = (_, _) => ("/other", RuleText.Of("\nexclude.image")) };
        var fault = Assert.Throws<RuleFileException>(() => RuleDocument.Parse("inclexcl other", "/opt/tsm/dsm.opt", options));
        Assert.Equal(("/other", 2, 14), (fault.Path, fault.Line, fault.Column));
    }

    [Fact]
    public void A_file_that_includes_itself_ends_in_a_fault()
    {
        var options = Options(null) with { OpenIncluded = (_, _) => ("/self", RuleText.Of("inclexcl self")) };
        Assert.Equal("/self", Assert.Throws<RuleFileException>(() => RuleDocument.Parse("inclexcl self", "/self", options)).Path);
    }

    [Fact]
    public void The_originals_files_are_only_read()
    {
        var document = Parse("include.image /a\n");
        Assert.Equal(ErrorId.NotSupported, Assert.Throws<ImageBackupException>(() => document.Remove("/a")).Id);
        Assert.Equal(ErrorId.NotSupported,
            Assert.Throws<ImageBackupException>(() => document.Set(new RuleSpecification { Kind = RuleKind.Include, Pattern = "/a" })).Id);
        Assert.Equal(ErrorId.NotSupported, Assert.Throws<ImageBackupException>(() => document.SetDomain([])).Id);
        Assert.Equal(ErrorId.NotSupported, Assert.Throws<ImageBackupException>(() => document.SetClientOptions(ImageOptions.Empty)).Id);
    }

    private static string Only(string text, string? server) => Parse(text, server).Rules.Single().Pattern.Text;

    private static (int Line, ErrorId Id) Fault(string text, string? server)
    {
        var fault = Assert.Throws<RuleFileException>(() => Parse(text, server));
        return (fault.Line, fault.Id);
    }

    private static RuleDocument Parse(string text, string? server = null) => RuleDocument.Parse(text, "/opt/tsm/dsm.sys", Options(server));

    private static RuleParseOptions Options(string? server) => new()
    {
        IsWindows = false,
        Dialect = RuleDialect.OptionsFile,
        ServerName = server,
        OpenIncluded = (file, naming) => (file, naming) is ("inclexcl.list", "/opt/tsm/dsm.sys")
            ? ("/opt/tsm/inclexcl.list", RuleText.Of(InclExcl))
            : throw new ImageBackupException(ErrorId.PolicyReadFailed, "There is no such file."),
    };
}
