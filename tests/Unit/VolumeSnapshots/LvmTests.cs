using System;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Engine.VolumeSnapshots.Lvm;
using Xunit;

namespace ImageBackup.Tests.Unit.VolumeSnapshots;

public sealed class LvmTests
{
    [Theory]
    [InlineData("0 262144 snapshot 16/8192 16", true, 8192L * 512, 16L * 512)]
    [InlineData("0 262144 snapshot 8192/8192 40", true, 8192L * 512, 8192L * 512)]
    [InlineData("0 262144 snapshot Invalid", false, null, null)]
    [InlineData("0 262144 snapshot Overflow", false, null, null)]
    [InlineData("0 262144 snapshot Merge failed", false, null, null)]
    [InlineData("0 262144 thin 5120 262143\n", true, null, null)]
    [InlineData("0 262144 thin 0 -", true, null, null)]
    [InlineData("0 262144 thin Fail", false, null, null)]
    [InlineData("0 262144 linear ", false, null, null)]
    [InlineData("0 262144 snapshot 1/2/3", false, null, null)]
    [InlineData("0 262144 snapshot 99999999999999999999/1", false, null, null)]
    [InlineData("", false, null, null)]
    public void The_device_mappers_answer_is_read(string line, bool isValid, long? cacheBytes, long? usedBytes)
    {
        SnapshotState state = SnapshotStatus.Parse(line);
        Assert.Equal((isValid, cacheBytes, usedBytes), (state.IsValid, state.CacheBytes, state.CacheUsedBytes));
        Assert.Equal(isValid, state.Fault is null);
    }

    /// <summary>As lvs 2.03.16 prints it.</summary>
    [Fact]
    public void Lvs_is_read()
    {
        LogicalVolume? volume = LvmTools.Parse("""
              {
                  "report": [
                      {
                          "lv": [
                              {"vg_name":"vm", "lv_name":"imagebackup-eabacc9eb7ad", "lv_attr":"swi-a-s---", "lv_size":"67108864", "origin":"origin", "lv_tags":"x,imagebackup", "vg_free":"4093640704", "vg_extent_size":"1048576"}
                          ]
                      }
                  ]
              }
            """);
        Assert.NotNull(volume);
        Assert.Equal(("vm/imagebackup-eabacc9eb7ad", 67108864, "origin", true, false), (volume.FullName, volume.SizeBytes, volume.Origin, volume.IsClassicSnapshot, volume.IsThin));
        Assert.Equal(["x", "imagebackup"], volume.Tags);
        Assert.Equal((4093640704, 1048576), (volume.GroupFreeBytes, volume.ExtentBytes));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"report\":[]}")]
    [InlineData("{\"report\":[{\"lv\":[]}]}")]
    [InlineData("{\"report\":[{\"lv\":[{\"vg_name\":1}]}]}")]
    [InlineData("{\"report\":[{\"lv\":[{\"vg_name\":\"v\",\"lv_name\":\"l\",\"lv_attr\":\"-\",\"lv_size\":\"-5\",\"origin\":\"\",\"lv_tags\":\"\",\"vg_free\":\"1\",\"vg_extent_size\":\"1\"}]}]}")]
    [InlineData("{\"report\":[{\"lv\":[{\"vg_name\":\"v\",\"lv_name\":\"l\",\"lv_attr\":\"-\",\"lv_size\":\"99999999999999999999999\",\"origin\":\"\",\"lv_tags\":\"\",\"vg_free\":\"1\",\"vg_extent_size\":\"1\"}]}]}")]
    public void What_is_not_lvs_s_is_none(string json) => Assert.Null(LvmTools.Parse(json));

    [Theory]
    [InlineData("it ended with 5: Failed to find logical volume \"vm/x\"", true)]
    [InlineData("it ended with 5: Volume group \"vm\" not found\n  Cannot process volume group vm", true)]
    [InlineData("'lvs' was ended because it took longer than 30 s.", false)]
    [InlineData("it ended with 5: /run/lock/lvm/V_vm: open failed: Permission denied", false)]
    public void Only_what_is_known_to_be_gone_is_gone(string fault, bool isGone) => Assert.Equal(isGone, LvmTools.IsGone(fault));
}
