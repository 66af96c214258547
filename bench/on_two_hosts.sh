#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two ends of a measurement on pretended hosts (tests/cluster; IPCRUN_CLUSTER names them): the first
# on h2, where it listens at PORT; when it does, the second on h1. Prints what the second says.
#   on_two_hosts.sh PORT 'COMMAND ON h2' 'COMMAND ON h1'
set -euo pipefail
port=$1 first=$2 second=$3
cluster=tests/cluster/cluster.sh
patience=10 # seconds until the first listens

read -ra words <<<"$first"
$cluster exec h2 timeout 60 "${words[@]}" >/dev/null &
end=$!
# shellcheck disable=SC2016
$cluster exec h2 timeout $patience \
    sh -c 'until ss -Hltn "sport = :$1" | grep -q .; do sleep 0.01; done' sh "$port" || {
    echo "on_two_hosts: '$first' does not listen at port $port of h2" >&2
    exit 1
}
read -ra words <<<"$second"
$cluster exec h1 timeout 60 "${words[@]}"
wait $end
