using Xunit;

namespace ImageBackup.Tests.Vm;

/// <summary>What needs a device mapper and a kernel of its own. The cases themselves are in Guest/Cases.</summary>
public sealed class MachineTests(VirtualMachine machine) : IClassFixture<VirtualMachine>
{
    [Theory]
    [InlineData("snapshot-ext4")]
    [InlineData("snapshot-xfs")]
    public void A_snapshot_of_a_volume_in_use_is_what_it_was_at_that_moment(string name) => machine.Expect(name);

    [Fact]
    public void A_thin_snapshot_serves_too() => machine.Expect("snapshot-thin");

    [Fact]
    public void A_snapshot_that_overflows_gives_no_image() => machine.Expect("snapshot-overflow");

    [Fact]
    public void A_volume_that_is_no_logical_one_falls_over_to_a_static_image() => machine.Expect("failover");

    [Fact]
    public void A_busy_volume_is_waited_for_and_then_refused() => machine.Expect("static-busy");

    [Fact]
    public void A_writer_that_ends_in_the_third_wait_is_no_hindrance() => machine.Expect("static-third-wait");

    [Fact]
    public void The_kernel_reads_the_partition_table_of_a_restored_disk() => machine.Expect("partition-table");

    [Fact]
    public void Disks_that_come_up_in_another_order_keep_their_images() => machine.Expect("identity-order");

    [Fact]
    public void Sectors_that_cannot_be_read_are_put_on_record_or_end_the_backup() => machine.Expect("bad-sectors");

    [Theory]
    [InlineData("kill-static-rest")]
    [InlineData("kill-static-copy")]
    [InlineData("kill-snapshot-taken")]
    [InlineData("kill-snapshot-copy")]
    public void What_a_killed_run_left_the_next_one_puts_right(string name) => machine.Expect(name);

    [Theory]
    [InlineData("terminate-static")]
    [InlineData("terminate-snapshot-taken")]
    [InlineData("terminate-snapshot-copy")]
    public void A_run_that_is_told_to_end_puts_everything_back_itself(string name) => machine.Expect(name);

    [Theory]
    [InlineData("power-cut-ext4")]
    [InlineData("power-cut-xfs")]
    public void A_power_cut_loses_nothing_that_was_promised(string name) => machine.Expect(name);
}
