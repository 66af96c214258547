# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2046,SC2154
# Proves: when a rank, a host or a cable between hosts is lost in the middle of sums over hosts,
# every rank that lives has an error in time that says whom it lost, and nothing is left.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 3
hosts_of_job=h1:2,h2:2,h3:2
sums="$SOURCES/tests/cluster/sums.lua"

# Survivors say how it went before they are ended.
begin_sums() {
    begin h1 "$IPCRUN" --hosts "$hosts_of_job" --grace 5 sh -c 'trap "" TERM; exec "$@"' sh \
        "$BUILD/bindings/lua/interpreter/ipcrun-lua" "$@"
}
has_begun() { grep -q begun "$out"; }
# told REGEX COUNT NAME: so many ranks have said so, and no rank says anything else.
told() {
    local said
    said="$(grep -cE "^rank [0-9]: $1" "$out") $(grep -c '^rank' "$out")"
    is "$said" "$2 $2" "$3"
    [[ $said == "$2 $2" ]] || sed 's/^/# /' "$out" "$err"
}

for count in 4 1000000; do
    begin_sums "$sums" "$count" 3 5 kill
    ended
    is "$status" 137 "a rank that is killed, sums of $count: its status is the job's"
    told 'peer_lost: .*rank 3( on host h2)? failed: signal 9' 5 "and all others name it"
    hosts_are_clean "and nothing is left"

    begin_sums "$sums" "$count" 4 5 exit
    ended
    told 'peer_lost: .*rank 4 ' 5 "a rank that exits, sums of $count: all others name it"

    begin_sums "$sums" "$count" 0 5 error
    ended
    like "$(<"$err")" 'a mistake of this rank' "a rank that raises, sums of $count: is told"
    told 'peer_lost: .*rank 0 ' 5 "and all others name it"

    begin_sums "$sums" "$count"
    within 20 has_begun
    cluster kill h3
    ended
    is "$status" 1 "a host that is killed, sums of $count: is a failure of ipcrun"
    like "$(<"$err")" 'h3' "that names the host"
    told 'peer_lost: .*rank [45] on host h3' 4 "and all ranks elsewhere name one of its ranks"
    hosts_are_clean "and nothing is left"
    cluster down
    start_hosts 3
done

begin_sums "$sums" 1000
within 20 has_begun
kill -KILL "$(agent_on h2)"
ended
is "$status" 1 "an agent that is killed: is a failure of ipcrun"
like "$(<"$err")" 'h2' "that names the host"
told 'peer_lost: .*rank [23] on host h2' 4 "and all ranks elsewhere name one of its ranks"
hosts_are_clean "and nothing is left"

begin_sums "$sums" 1000
within 20 has_begun
cluster link h2 down
ended
is "$status" 1 "a cable that is pulled: is a failure of ipcrun"
like "$(<"$err")" 'h2' "that names the host"
told 'peer_lost: .*rank [23] on host h2' 4 "and all ranks elsewhere name one of its ranks"
hosts_are_clean "and nothing is left, there too" 40
cluster link h2 up

done_testing
