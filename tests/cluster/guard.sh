#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Holds a cluster: guard.sh OWNER CLUSTER N [FOLDER...]. Everything else of it is in one pid
# namespace, which ends with this process, which ends with its owner.
set -euo pipefail

owner=$1 cluster=$2
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

clean() {
    trap - EXIT TERM
    kill -KILL "$(<"$cluster/switch.pid")" "$tail" 2>/dev/null || true
    # What else was made for the hosts, by whoever put this file there.
    [[ ! -x $cluster/at_end ]] || "$cluster/at_end" &
    wait # until the last process of the namespace has gone
    rm -rf "$cluster"
}
trap clean EXIT
trap exit TERM

echo $$ >"$cluster/guard.pid"
# The /proc of the tests stays mounted there, so that all pids that hosts tell are theirs.
setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child \
    bash "$here/switch.sh" "${@:2}" &
tail -s 0.2 --pid="$owner" -f /dev/null &
tail=$!
wait -n
