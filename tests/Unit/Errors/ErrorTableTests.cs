using System;
using System.Linq;
using ImageBackup.Engine.Errors;
using Xunit;

namespace ImageBackup.Tests.Unit.Errors;

public sealed class ErrorTableTests
{
    [Fact]
    public void Every_id_has_exactly_one_row()
    {
        Assert.Equal(Enum.GetValues<ErrorId>().Order(), ErrorTable.All.Select(row => row.Id).Order());
        Assert.All(Enum.GetValues<ErrorId>(), id => Assert.Equal(id, ErrorTable.Get(id).Id));
    }

    [Fact]
    public void Every_row_says_what_it_means_and_what_to_do() => Assert.All(ErrorTable.All, row =>
    {
        Assert.EndsWith(".", row.Meaning, StringComparison.Ordinal);
        Assert.True(row.Meaning.Length > 10, row.Meaning);
        Assert.True(row.RecommendedAction.Length > 10, row.RecommendedAction);
        Assert.True(Enum.IsDefined(row.Kind));
    });

    [Fact]
    public void Meanings_are_not_shared() => Assert.Equal(ErrorTable.All.Count, ErrorTable.All.Select(r => r.Meaning).Distinct().Count());

    [Fact]
    public void The_thrower_may_know_better_what_to_do()
    {
        Assert.Equal(ErrorTable.Get(ErrorId.WrongPassword).RecommendedAction, new ImageBackupException(ErrorId.WrongPassword, "x").RecommendedAction);
        Assert.Equal("Do this.", new ImageBackupException(ErrorId.WrongPassword, "x") { RecommendedAction = "Do this." }.RecommendedAction);
    }
}
