#!/bin/busybox sh
# The first process of the test machine: modules, the host's root under a throw-away layer, then the guest program.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for module in $($b cat /modules/order); do
    $b insmod /modules/$module || echo "VM: no module $module"
done
$b mkdir -p /lower /layer /new
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro root /lower || echo "VM: no root"
$b mount -t tmpfs -o size=85% tmpfs /layer
$b mkdir -p /layer/upper /layer/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work overlay /new || echo "VM: no overlay"
$b mount --move /proc /new/proc
$b mount --move /sys /new/sys
$b mount --move /dev /new/dev
$b mkdir -p /new/dev/shm /new/dev/pts /new/etc/lvm
$b mount -t tmpfs tmpfs /new/dev/shm
$b mount -t tmpfs tmpfs /new/run
$b mount -t tmpfs -o size=75% tmpfs /new/tmp
# The settings and records of the machine that this one is made of are not its own.
$b rm -rf /new/etc/imagebackup /new/var/lib/imagebackup
$b mkdir -p /new/run/lvm /new/run/lock /new/imagebackup-guest
# A share of its own: the host's checkout may lie where the machine has a file system of its own (/tmp), or on another of the host's.
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro guest /new/imagebackup-guest || echo "VM: no guest program"
# Nobody runs udev here.
$b cat > /new/etc/lvm/lvmlocal.conf <<'CONF'
activation { udev_sync=0 udev_rules=0 }
devices { obtain_device_list_from_udev=0 use_devicesfile=0 filter=[ "a|^/dev/vd|", "r|.*|" ] }
CONF
$b ip link set lo up 2>/dev/null
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TMPDIR=/tmp DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_TieredCompilation=1 LC_ALL=C
echo "VM: up"
$b chroot /new $($b sed -n 's/.*guest_dotnet=\([^ ]*\).*/\1/p' /new/proc/cmdline) $($b sed -n 's/.*guest_dll=\([^ ]*\).*/\1/p' /new/proc/cmdline) run
echo "VM: ended $?"
$b sync
$b poweroff -f
