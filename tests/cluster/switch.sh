# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The network that the hosts of a cluster are plugged into, and the first process of the pid
# namespace that holds them all: switch.sh CLUSTER N [FOLDER...]. There are two networks, a bridge
# each. What delays a cable (cluster.sh) becomes a child of this process.
set -euo pipefail

cluster=$1 hosts=$2
shift 2
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

read -r pid _ </proc/self/stat # as the tests see it
echo "$pid" >"$cluster/switch.pid"
for bridge in a b; do
    echo "link add switch-$bridge type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
    echo "link set switch-$bridge up"
done | ip -batch -

# Hosts mount over /tmp and the like: what all are to see is also in a place that stays.
mount -t tmpfs tmpfs /mnt
number=0
for folder in "$cluster" "$@"; do
    mkdir "/mnt/$number"
    mount --rbind "$folder" "/mnt/$((number++))"
done

for ((host = 1; host <= hosts; ++host)); do
    unshare --net --uts --ipc --mount --pid --fork bash "$here/host.sh" "$host" "$cluster" "$@" &
done
wait
