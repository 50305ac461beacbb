using System;
using System.Linq;
using System.Text;
using System.Threading;
using CsCheck;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Cryptography.Vectorized;
using ImageBackup.Tests.Kits;
using Org.BouncyCastle.Crypto.Generators;
using Xunit;

namespace ImageBackup.Tests.Unit.Cryptography;

public sealed class ScryptTests
{
    private const string NoVectors = "This processor has no vectors.";

    [Theory]
    // RFC 7914, section 12; its last example takes a gigabyte.
    [InlineData("", "", 16, 1, 1, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906")]
    [InlineData("password", "NaCl", 1024, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640")]
    [InlineData("pleaseletmein", "SodiumChloride", 16384, 8, 1, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887")]
    public void Derives_what_the_RFC_says(string password, string salt, int n, int r, int p, string derived) =>
        Assert.Equal(derived, Convert.ToHexStringLower(Scrypt.Derive(Encoding.ASCII.GetBytes(password), Encoding.ASCII.GetBytes(salt), new ScryptCost(n, r, p), derived.Length / 2)));

    /// <summary>RFC 7914, section 10: the mixing alone.</summary>
    [Fact]
    public void Mixes_what_the_RFC_says()
    {
        Assert.SkipUnless(ScryptVectorized.IsSupported, NoVectors);
        byte[] block = Convert.FromHexString("f7ce0b653d2d72a4108cf5abe912ffdd777616dbbb27a70e8204f3ae2d0f6fad89f68f4811d1e87bcc3bd7400a9ffd29094f0184639574f39ae5a1315217bcd7"
            + "894991447213bb226c25b54da86370fbcd984380374666bb8ffcb5bf40c254b067d27c51ce4ad5fed829c90b505a571b7f4d1cad6a523cda770e67bceaaf7e89");
        ScryptVectorized.Mix(block, 16, 1);
        Assert.Equal("79ccc193629debca047f0b70604bf6b62ce3dd4a9626e355fafc6198e6ea2b46d58413673b99b029d665c357601fb426a0b2f4bba200ee9f0a43d19b571a9c71"
            + "ef1142e65d5a266fddca832ce59faa7cac0b9cf1be2bffca300d01ee387619c4ae12fd4438f203a0e4e1c47ec314861f4e9087cb33396a6873e8f9d2539a4b8e", Convert.ToHexStringLower(block));
    }

    [Fact]
    public void Any_password_any_cost() =>
        Gen.Select(Gen.Byte.Array[0, 100], Gen.Byte.Array[0, 70], Gen.Int[1, 9], Gen.Int[1, 9], Gen.Int[1, 5], Gen.Int[1, 200]).Sample((password, salt, log, r, p, countBytes) =>
            Assert.Equal(SCrypt.Generate(password, salt, 1 << log, r, p, countBytes), Scrypt.Derive(password, salt, new ScryptCost(1 << log, r, p), countBytes)), iter: 300);

    [Fact]
    public void What_cannot_be_interrupted_is_let_go_of()
    {
        using var stop = new CancellationTokenSource();
        byte[] password = [1, 2, 3];
        Assert.Equal(Scrypt.Derive(password, [4], new ScryptCost(1024, 8, 2), 64), Scrypt.LetGo(password, [4], new ScryptCost(1024, 8, 2), 64, stop.Token));
        stop.CancelAfter(200);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.ThrowsAny<OperationCanceledException>(() => Scrypt.LetGo(password, [4], new ScryptCost(1 << 14, 8, 40), 64, stop.Token));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
    }

    [Fact]
    public void Deriving_ends_when_it_is_cancelled()
    {
        foreach ((int n, int r, int p) in new[] { (1 << 20, 8, 1), (1 << 14, 8, 64), (1 << 10, 256, 64) })
        {
            using var stop = new CancellationTokenSource(50);
            // However fast the machine is: it goes on until it is cancelled.
            Assert.ThrowsAny<OperationCanceledException>(() => Enumerable.Range(0, int.MaxValue).Select(_ => Scrypt.Derive([1], [2], new ScryptCost(n, r, p), 64, stop.Token)).Last());
        }
    }

    [Theory]
    [InlineData(128, 0, 1)]
    [InlineData(128, 1, 1)]
    [InlineData(128, 3, 1)]
    [InlineData(128, -4, 1)]
    [InlineData(128, 4, 0)]
    [InlineData(128, 4, 2)]
    [InlineData(127, 4, 1)]
    [InlineData(0, 4, 1)]
    public void What_does_not_fit_is_not_mixed(int lengthBytes, int n, int r)
    {
        Assert.SkipUnless(ScryptVectorized.IsSupported, NoVectors);
        byte[] block = SeededBytes.Make(1, lengthBytes), before = (byte[])block.Clone();
        Assert.Throws<ArgumentOutOfRangeException>(() => ScryptVectorized.Mix(block, n, r));
        Assert.Equal(before, block);
    }
}
