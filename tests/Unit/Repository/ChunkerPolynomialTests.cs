using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Repository.Files;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository;

public sealed class ChunkerPolynomialTests
{
    [Theory]
    [InlineData(0x7UL)] // x^2 + x + 1
    [InlineData(0x13UL)] // x^4 + x + 1
    [InlineData(0x1fUL)] // x^4 + x^3 + x^2 + x + 1
    [InlineData(0x11bUL)] // AES
    [InlineData(0x11dUL)] // Reed-Solomon's
    [InlineData(0x25b468838dcb75UL)] // design.rst, "Repository Format"
    [InlineData(0x2f2393fd37de61UL)] // by restic 0.14.0
    public void Irreducible(ulong f) => Assert.True(ChunkerPolynomialGenerator.IsIrreducible(f));

    [Theory]
    [InlineData(0UL)]
    [InlineData(1UL)]
    [InlineData(0x5UL)] // (x + 1)^2
    [InlineData(0x15UL)] // (x^2 + x + 1)^2
    [InlineData(0x101UL)] // (x + 1)^8
    [InlineData(0x11aUL)] // divisible by x
    [InlineData(0x25b468838dcb74UL)] // divisible by x
    [InlineData(0x20000000000001UL)] // x^53 + 1, divisible by x + 1
    public void Reducible(ulong f) => Assert.False(ChunkerPolynomialGenerator.IsIrreducible(f));

    /// <summary>Gauss's formula for the number of irreducible polynomials over GF(2): OEIS A001037.</summary>
    [Fact]
    public void As_many_of_each_degree_as_there_are()
    {
        int[] counts = [2, 1, 2, 3, 6, 9, 18, 30, 56, 99, 186];
        for (int degree = 1; degree <= counts.Length; degree++)
            Assert.Equal(counts[degree - 1], Enumerable.Range(1 << degree, 1 << degree).Count(f => ChunkerPolynomialGenerator.IsIrreducible((ulong)f)));
    }

    [Fact]
    public void Generated_ones_are_of_degree_53_and_differ()
    {
        var seen = new HashSet<ulong>();
        for (int i = 0; i < 20; i++)
        {
            ulong f = ChunkerPolynomialGenerator.Next();
            Assert.Equal(1UL, f >> 53);
            Assert.True(ChunkerPolynomialGenerator.IsIrreducible(f));
            Assert.True(seen.Add(f));
        }
    }
}
