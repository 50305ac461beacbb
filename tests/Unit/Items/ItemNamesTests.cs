using ImageBackup.Engine.Items;
using Xunit;

namespace ImageBackup.Tests.Unit.Items;

/// <summary>Names of a hostile image that are not made into files.</summary>
public sealed class ItemNamesTests
{
    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("/etc")]
    [InlineData("a\0b")]
    public void No_system_takes_what_is_not_one_name(string name)
    {
        Assert.NotNull(ItemNames.Problem(name, isWindows: false));
        Assert.NotNull(ItemNames.Problem(name, isWindows: true));
    }

    [Theory]
    [InlineData("CON")]
    [InlineData("con.txt")]
    [InlineData("nul .x")]
    [InlineData("AUX")]
    [InlineData("Com1")]
    [InlineData("COM\u00B9.log")]
    [InlineData("lpt9")]
    [InlineData("CONIN$")]
    [InlineData("dot.")]
    [InlineData("blank ")]
    [InlineData("file:stream")]
    [InlineData("..\\up")]
    [InlineData("C:\\Windows")]
    [InlineData("a\u001Fb")]
    [InlineData("a*b")]
    public void Windows_takes_no_devices_streams_or_names_that_it_would_change(string name)
    {
        Assert.NotNull(ItemNames.Problem(name, isWindows: true));
        Assert.Null(ItemNames.Problem(name, isWindows: false));
    }

    [Theory]
    [InlineData("console")]
    [InlineData("COM")]
    [InlineData("COM10")]
    [InlineData("nullable.txt")]
    [InlineData(".hidden")]
    [InlineData("...a")]
    [InlineData("ü 日本")]
    public void Others_are_taken(string name)
    {
        Assert.Null(ItemNames.Problem(name, isWindows: true));
        Assert.Null(ItemNames.Problem(name, isWindows: false));
    }
}
