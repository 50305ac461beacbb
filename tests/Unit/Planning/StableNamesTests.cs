using System.Text;
using System.Threading;
using ImageBackup.Engine.Planning;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Planning;

public class StableNamesTests
{
    private readonly VolumeDouble _volumes = new();

    /// <summary>A volume whose content is "label uuid".</summary>
    private ImageVolume Add(string name, string content, string? partitionUuid = null, string[]? holders = null, VolumeKind kind = VolumeKind.BlockDevice)
    {
        _volumes.Add(name, Encoding.ASCII.GetBytes(content.PadRight(64)), v => v with { PartitionUuid = partitionUuid, Holders = holders ?? [], Kind = kind });
        return Inventory.Resolve(name, CancellationToken.None);
    }

    private VolumeInventory Inventory => new(_volumes, reader =>
    {
        byte[] bytes = new byte[64];
        reader.ReadAt(0, bytes);
        string[] words = Encoding.ASCII.GetString(bytes).Trim().Split(' ');
        return words.Length < 2 ? null : new FileSystemDescription { Type = "ext4", Label = words[0] == "-" ? null : words[0], Uuid = words[1] == "-" ? null : words[1] };
    });

    private string NameOf(ImageVolume volume) => new StableNames(Inventory).Of(volume, CancellationToken.None);

    [Fact]
    public void The_file_systems_id_comes_first() => Assert.Equal("UUID=u1", NameOf(Add("/mem/a", "data u1", "p1")));

    [Fact]
    public void What_another_volume_has_too_is_none()
    {
        ImageVolume one = Add("/mem/a", "data u1", "p1");
        Add("/mem/b", "other U1", "p2");
        Assert.Equal("PARTUUID=p1", NameOf(one));
        Add("/mem/c", "more u3", "P1");
        Assert.Equal("LABEL=data", NameOf(one));
        Add("/mem/d", "data u4");
        Assert.Equal("/mem/a", NameOf(one));
    }

    [Fact]
    public void A_layer_of_the_same_stack_is_not_another() =>
        Assert.Equal("UUID=u1", NameOf(AddStack()));

    private ImageVolume AddStack()
    {
        Add("/mem/md0", "data u1");
        return Add("/mem/half", "data u1", holders: ["/mem/md0"]);
    }

    [Fact]
    public void A_volume_without_ids_and_a_file_keep_their_names()
    {
        Assert.Equal("/mem/a", NameOf(Add("/mem/a", "nothing")));
        Assert.Equal("/mem/f", NameOf(Add("/mem/f", "data u9", kind: VolumeKind.File)));
    }
}
