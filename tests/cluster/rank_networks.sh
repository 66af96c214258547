# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: sums of ranks on several hosts are right over slow and lossy ways between these; ranks
# that cannot reach each other fail in time, and are named; and strangers at their doors change
# nothing.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 3 delay
sums="$SOURCES/tests/cluster/sums.lua"

# Survivors say how it went before they are ended.
begin_sums() { begin h1 "$IPCRUN" --hosts h1:2,h2:2,h3:2 --grace 5 "$@"; }
has_begun() { grep -q begun "$out"; }
# told REGEX COUNT NAME: so many ranks have said so.
told() {
    local count
    count=$(grep -cE "^rank [0-9]: $1" "$out")
    is "$count" "$2" "$3"
    [[ $count == "$2" ]] || sed 's/^/# /' "$out" "$err"
}
ends_well() {
    ended
    is "$status $(<"$err")" "0 " "$1"
    told 'well$' 6 "and the sums of all ranks are right"
}

for host in "${hosts[@]}"; do cluster delay "$host" 25; done
begin_sums "$sums" 100000 until 8
ends_well "50 ms between any two hosts: the job ends well"
cluster heal

for host in "${hosts[@]}"; do cluster loss "$host-a" 0.1; done
# That of ssh by itself ends when the first four packets are lost.
begin_sums --ssh-args '-o ConnectTimeout=25' "$sums" 100000 until 8
ends_well "10 % of all packets are lost: the job ends well"
cluster heal

begin_sums --grace 5 -x SUMS_TIMEOUT=5 "$sums" 1000
within 20 has_begun
cluster cut h2 h3
start=$(now_ms)
ended
took=$(($(now_ms) - start))
ok "two hosts that lose each other: the sum ends by its deadline of 5 s, in $took ms" \
    test $took -lt 15000
told 'timeout: .*timed out waiting for rank [24] on host h[23]' 6 "and all ranks name one of them"
hosts_are_clean "and nothing is left"
cluster heal

begin_sums "$sums" 1000
within 20 has_begun
cluster cut h2 h3
ended
told 'peer_lost: .*rank [2345] on host h[23]' 6 "without a deadline: all ranks name one of the two"
like "$(<"$out")" 'its host does not answer any more' "and one says that its host does not answer"
hosts_are_clean "and nothing is left"
cluster heal

# Where the ranks on h2 wait for others, ssh's server apart.
doors() {
    local at state
    while read -r _ at _ state _; do
        [[ $state == 0A && $at != *:0016 ]] && echo $((16#${at#*:}))
    done < <(on h2 cat /proc/net/tcp)
}
begin_sums "$sums" 1000 until "$work/enough"
within 20 has_begun
doors >"$work/doors"
is "$(wc -l <"$work/doors")" 2 "strangers: there is a door for each rank of a host"
silent=()
while read -r door <&5; do
    on h3 bash -c 'exec 3<>/dev/tcp/h2/$1; exec sleep 60' silent "$door" &
    silent+=($!)
    on h3 bash -c 'exec 3<>/dev/tcp/h2/$1; head -c 5000 /dev/urandom >&3; exec cat <&3' \
        random "$door" >>"$work/answers" 2>/dev/null
    answer=$(on h3 "$BUILD/bindings/lua/interpreter/ipcrun-lua" -e "
        local settings = { key = 'the key of a stranger', timeout = 3 }
        print(pcall(require 'ipc'.client, 'h2:$door', settings))")
    like "$answer" '^false' "strangers: one with another key is not let in"
done 5<"$work/doors"
is "$(wc -c <"$work/answers")" 0 "strangers: one who sends nonsense hears nothing"
touch "$work/enough"
ends_well "strangers: the job goes on, and ends well"
kill "${silent[@]}"
wait "${silent[@]}" 2>/dev/null

done_testing
