using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform.Termination;
using Xunit;

namespace ImageBackup.Tests.Unit.Platform.Termination;

/// <summary>Tests that act as if the process were told to end: nothing else of this process may run meanwhile.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ProcessEnd
{
    public const string Name = "The process is told to end";
}

[Collection(ProcessEnd.Name)]
public sealed class ExitCleanupTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    [Fact]
    public void What_is_registered_last_is_undone_first_and_each_once()
    {
        var order = new List<int>();
        ExitUndo first = ExitCleanup.Hold(() => order.Add(1)), second = ExitCleanup.Hold(() => order.Add(2)), third = ExitCleanup.Hold(() => order.Add(3));
        third.Cancel();
        ExitCleanup.Run();
        first.Dispose();
        second.Dispose();
        ExitCleanup.Run();
        Assert.Equal([2, 1], order);
    }

    [Fact]
    public void An_undo_that_throws_keeps_none_of_the_others()
    {
        bool isUndone = false;
        _ = ExitCleanup.Hold(() => isUndone = true);
        _ = ExitCleanup.Hold(() => throw new InvalidOperationException("on purpose"));
        ExitCleanup.Run();
        Assert.True(isUndone);
    }

    /// <summary>The undo neither comes before the thing is done nor leaves it be.</summary>
    [Fact]
    public async Task The_undo_cancels_what_is_being_done_and_waits_for_it()
    {
        using var begun = new ManualResetEventSlim();
        bool isDone = false, wasDoneBefore = false;
        ExitUndo exit = ExitCleanup.Hold(() => wasDoneBefore = isDone);
        Task<bool> doing = Task.Run(() => exit.Do(ending =>
        {
            begun.Set();
            Assert.True(ending.WaitHandle.WaitOne(s_patience));
            Thread.Sleep(100);
            return isDone = true;
        }));
        Assert.True(begun.Wait(s_patience));
        ExitCleanup.Run();
        Assert.True(await doing);
        Assert.True(wasDoneBefore);
    }

    [Fact]
    public void After_the_undo_nothing_is_done()
    {
        ExitUndo exit = ExitCleanup.Hold(() => { });
        ExitCleanup.Run();
        Assert.Throws<OperationCanceledException>(() => exit.Do(_ => true));
    }

    /// <summary>A second signal must not end the process while the first one's undo runs; nor who disposes it meanwhile.</summary>
    [Fact]
    public async Task Who_comes_second_waits_until_it_is_undone()
    {
        using ManualResetEventSlim begun = new(), goOn = new();
        bool isUndone = false;
        ExitUndo exit = ExitCleanup.Hold(() =>
        {
            begun.Set();
            goOn.Wait(s_patience);
            isUndone = true;
        });
        Task first = Task.Run(ExitCleanup.Run);
        Assert.True(begun.Wait(s_patience));
        Task<bool> second = Task.Run(() =>
        {
            ExitCleanup.Run();
            return isUndone;
        });
        Task<bool> third = Task.Run(() =>
        {
            exit.Dispose();
            return isUndone;
        });
        await Task.Delay(200);
        Assert.False(second.IsCompleted || third.IsCompleted);
        goOn.Set();
        await first;
        Assert.True(await second);
        Assert.True(await third);
    }

    [Fact]
    public async Task Work_is_cancelled_and_waited_for_and_nothing_new_begins()
    {
        using var stop = new CancellationTokenSource();
        bool isUnwound = false, isUndone = false, wasUnwoundBefore = false, wasRefused = false, wasEnding = false;
        ExitCleanup.CancellableWork work = ExitCleanup.Begin(stop.Cancel);
        _ = ExitCleanup.Hold(() => (isUndone, wasUnwoundBefore) = (true, isUnwound));
        Task task = Task.Run(() =>
        {
            Assert.True(stop.Token.WaitHandle.WaitOne(s_patience));
            wasEnding = ExitCleanup.IsEnding;
            try
            {
                ExitCleanup.Hold(() => { });
            }
            catch (OperationCanceledException)
            {
                wasRefused = true;
            }
            isUnwound = true;
            work.Dispose();
        });
        ExitCleanup.Run();
        await task;
        Assert.True(isUndone && wasUnwoundBefore && wasRefused && wasEnding);
        // The process was not ended after all (somebody cancelled the signal): the next command works.
        Assert.False(ExitCleanup.IsEnding);
        ExitCleanup.Hold(() => { }).Cancel();
    }

    [Fact]
    public void Work_that_does_not_listen_keeps_no_undo_from_being_done()
    {
        bool isUndone = false;
        using ExitCleanup.CancellableWork work = ExitCleanup.Begin(() => throw new ObjectDisposedException("on purpose"));
        _ = ExitCleanup.Hold(() => isUndone = true);
        ExitCleanup.Run();
        Assert.True(isUndone);
    }
}
