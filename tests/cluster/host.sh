# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The first process of a host: host.sh I CLUSTER [FOLDER...].
set -euo pipefail

number=$1 cluster=$2 name=h$1
shift
trap 'echo "$name did not come up" >"$cluster/ready"' ERR

read -r pid _ </proc/self/stat # as the tests see it: /proc is still theirs
hostname "$name"

# Cables: one end at the switch, the other here.
for network in a:eth0 b:eth1; do
    port=$name-${network%:*}
    echo "link add $port type veth peer name ${network#*:} netns /proc/$pid/ns/net"
    echo "link set $port master switch-${network%:*} up"
done | nsenter --net="/proc/$(<"$cluster/switch.pid")/ns/net" ip -batch -
ip -batch - <<END
link set lo up
addr add 10.77.0.$number/24 dev eth0
link set eth0 up
addr add 10.78.0.$number/24 dev eth1
link set eth1 up
END

# Folders of its own (whose sources have names of their own: mount would take "tmpfs" on /tmp for
# done where it is so already), and in them what all share, from where the switch keeps it.
escape() { printf '%s' "${1// /\\040}"; }
table=$cluster/$name.fstab
cat >"$table" <<END
$name-tmp /tmp tmpfs mode=1777
$name-run /run tmpfs mode=755
$name-root /root tmpfs mode=700
$name-shm /dev/shm tmpfs mode=1777
END
kept=0
for folder; do
    echo "/mnt/$((kept++)) $(escape "$folder") none rbind,X-mount.mkdir" >>"$table"
done
for file in hosts passwd shadow; do
    echo "$(escape "$cluster/$file") /etc/$file none bind" >>"$table"
done
echo "$name-proc /proc proc" >>"$table"
mount -a -T "$table"

cp -R "$cluster/home/." /root
mkdir /run/sshd
mkfifo /run/never
exec 4<>/run/never
/usr/sbin/sshd -f "$cluster/sshd_config" -E "$cluster/$name.sshd.log"
until [[ -s /run/sshd.pid ]]; do read -r -t 0.005 -u 4 || true; done

echo "$pid" >"$cluster/$name.pid"
echo >"$cluster/ready"
trap - ERR
# While it waits, bash buries the orphans that it adopts.
while :; do read -r -u 4 || true; done
