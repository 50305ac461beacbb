#!/usr/bin/env bash
# A real S3 service on this machine: one Ceph monitor, one OSD in memory, one radosgw, all on 127.0.0.1. About 15 s.
# Usage: ceph-rgw.sh DIRECTORY S3_PORT MON_PORT. It returns; the daemons stay. To stop: kill $(cat DIRECTORY/run/*.pid).
set -eu
D=$(realpath -m "$1"); S3=$2; MON=$3
rm -rf "$D"; mkdir -p "$D/mon" "$D/osd" "$D/run"; cd "$D"; F=$(cat /proc/sys/kernel/random/uuid)
cat > ceph.conf <<C
[global]
fsid = $F
mon host = v1:127.0.0.1:$MON
mon initial members = a
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon warn on pool no redundancy = false
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 4294967296
run dir = $D/run
admin socket = $D/run/\$name.asok
pid file = $D/run/\$name.pid
log file = $D/\$name.log
mon data = $D/mon
osd data = $D/osd
ms bind msgr2 = false
ms bind msgr1 = true
mon max pg per osd = 1000
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$S3
rgw dynamic resharding = false
log file = $D/rgw.log
C
export CEPH_CONF=$D/ceph.conf
monmaptool --create --addv a "[v1:127.0.0.1:$MON]" --fsid "$F" "$D/monmap" >/dev/null
ceph-mon --mkfs -i a --monmap "$D/monmap" -c ceph.conf --setuser root --setgroup root
ceph-mon -i a -c ceph.conf --setuser root --setgroup root
for _ in 1 2 3 4 5 6 7 8; do timeout 5 ceph -c ceph.conf -s >/dev/null 2>&1 && break; sleep 1; done
U=$(cat /proc/sys/kernel/random/uuid)
# It answers before it knows what may be asked ("problem getting command descriptions from mon"), the longer the busier the machine is.
for _ in $(seq 1 20); do timeout 10 ceph -c ceph.conf osd new "$U" >/dev/null && break; sleep 1; done
ceph-osd --mkfs -i 0 --osd-uuid "$U" -c ceph.conf --setuser root --setgroup root >/dev/null 2>&1
# A monitor that has only just come up may not know its own cluster yet ("wrong fsid").
for _ in 1 2 3 4 5; do ceph-osd -i 0 -c ceph.conf --setuser root --setgroup root && break; sleep 1; done
sleep 2
ceph -c ceph.conf osd crush add osd.0 1.0 root=default host=local >/dev/null 2>&1 || true
radosgw -c ceph.conf -n client.rgw --setuser root --setgroup root
for _ in $(seq 1 40); do curl -s -o /dev/null "http://127.0.0.1:$S3/" && break; sleep 1; done
radosgw-admin -c ceph.conf user create --uid=t --display-name=t --access-key=AKT --secret-key=SKT >/dev/null
