using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Volumes.Linux.Native;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Linux;

public sealed class PageRecyclerTests
{
    private const long MiB = 1 << 20;
    private readonly List<(long OffsetBytes, long LengthBytes)> _dropped = [];
    private readonly PageRecycler _recycler;

    public PageRecyclerTests() => _recycler = new PageRecycler((offset, length) =>
    {
        lock (_dropped)
            _dropped.Add((offset, length));
    });

    [Theory]
    [InlineData(0, 1, 2, 3)]
    [InlineData(3, 2, 1, 0)]
    [InlineData(2, 0, 3, 1)]
    public void What_was_read_is_given_back_whatever_the_order_within_a_few_chunks(params int[] order)
    {
        for (int i = 0; i < 1000; i++)
            _recycler.Note((100 + i / 4 * 4 + order[i % 4]) * MiB, MiB);
        // In order, without a gap and nothing twice; less than two distances are kept.
        Assert.Equal(100 * MiB, _dropped[0].OffsetBytes);
        Assert.All(_dropped.Zip(_dropped.Skip(1)), pair => Assert.Equal(pair.First.OffsetBytes + pair.First.LengthBytes, pair.Second.OffsetBytes));
        Assert.InRange(_dropped.Sum(d => d.LengthBytes), 968 * MiB, 990 * MiB);
    }

    [Fact]
    public void A_read_further_back_begins_another_run()
    {
        for (int i = 0; i < 40; i++)
            _recycler.Note((500 + i) * MiB, MiB);
        _dropped.Clear();
        for (int i = 0; i < 40; i++)
            _recycler.Note(i * MiB, MiB);
        Assert.Equal([(0, 16 * MiB)], _dropped);
    }

    [Fact]
    public void Threads_that_read_a_run_together_leave_little_of_it()
    {
        int next = -1;
        Parallel.For(0, 4, _ =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < 4000;)
                _recycler.Note(i * MiB, MiB);
        });
        // A thread that is held up begins another run, and some of it is given back twice.
        Assert.InRange(_dropped.Max(d => d.OffsetBytes + d.LengthBytes), 3968 * MiB, 3984 * MiB);
        Assert.All(_dropped, d => Assert.True(d.LengthBytes > 0));
        Assert.InRange(_dropped.Min(d => d.OffsetBytes), 0, 3 * MiB);
    }
}
