# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: cables can be made slow while they are in use, all of what goes by them is delayed, and
# nothing is left of what delays it.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 3 delay

# trip FROM TO: the shortest of five round trips, in ms: to connect takes one.
trip() {
    on "$1" bash -c 'for i in 1 2 3 4 5; do
        start=${EPOCHREALTIME/./}; : </dev/tcp/$1/22; echo $(((${EPOCHREALTIME/./} - start) / 1000))
    done' trip "$2" | sort -n | head -1
}
# takes FROM TO MS: no less, and less than 40 ms more.
takes() {
    local took
    took=$(trip "$1" "$2")
    ((took >= $3 && took < $3 + 40)) || { echo "# from $1 to $2: $took ms" && false; }
}
# As long as a packet that is lost may take to be sent again.
reaches() { on "$1" timeout 5 bash -c ": </dev/tcp/$2/22" 2>/dev/null; }
reaches_not() { ! on "$1" timeout 1 bash -c ": </dev/tcp/$2/22" 2>/dev/null; }
# The processes that delay the cables of a cluster.
lines() { pgrep -x delay_line --ns "$(<"$1/switch.pid")" --nslist pid; }
no_lines() { [[ -z $(lines "$IPCRUN_CLUSTER") ]]; }
have_ended() { ! ps -p "$1" >/dev/null; }

cluster delay h2 50
ok "delays: of a cable, twice in a round trip" takes h1 h2 100
ok "delays: from either side" takes h2 h3 100
ok "delays: by both networks" takes h1 h2-b 100
ok "delays: others are as fast as before" takes h1 h3 0
cluster delay h1 20
ok "delays: those of two cables add up" takes h1 h2 140
cluster delay h2 30
ok "delays: can be changed" takes h1 h2 100
cluster delay h2-a 0
ok "delays: and ended, for each cable" takes h1 h2 40
ok "delays: by itself" takes h1 h2-b 100

run bash "$CLUSTER/cluster.sh" delay h4 10
is "$status $(<"$err")" "1 cluster: there is no cable 'h4-a'" "delays: a host that is not there"
run bash "$CLUSTER/cluster.sh" delay h3 soon
like "$status $(<"$err")" "^1 cluster: cannot delay h3-a: .*usage: delay_line MS" \
    "delays: what is no number"

head -c 20000000 /dev/urandom >"$work/random"
on h1 ssh h2-b 'cat >/tmp/copy; cat /tmp/copy' <"$work/random" >"$out"
ok "delays: 20 MB come there and back whole" cmp "$out" "$work/random"

begin h1 ssh h2-b "touch '$work/up'; until [ -e '$work/go' ]; do sleep 0.05; done; hostname"
is_up() { [[ -e $work/up ]]; }
within 5 is_up
cluster heal
touch "$work/go"
ended
is "$status $(<"$out")" "0 h2" "delays: connections survive their end"
ok "delays: all are healed" takes h1 h2-b 0
ok "delays: nothing is left of those that ended" within 10 no_lines

cluster delay h2-a 20
cluster cut h1 h2
ok "delays: a delayed cable can be cut" reaches_not h1 h2
ok "delays: for one other host" reaches h3 h2
cluster loss h2-a 1
ok "delays: lose what comes" reaches_not h3 h2
cluster heal
cluster delay h2-a 20
cluster link h2-a down
ok "delays: be pulled" reaches_not h3 h2
cluster link h2-a up
ok "delays: and plugged again" takes h3 h2 40
cluster kill h2
ok "delays: and end with their host" within 10 no_lines

line_of_new_cluster() {
    other=$(cluster up "$1" 1)
    IPCRUN_CLUSTER=$other cluster delay h1-a 10
    line=$(lines "$other")
}
line_of_new_cluster $$
ok "delays: are made by a process" test -n "$line"
is "$(marked | grep -x "$line")" "" "delays: which is none of the test's"
IPCRUN_CLUSTER=$other cluster down
ok "delays: that ends with the cluster" have_ended "$line"
sleep 60 &
owner=$!
line_of_new_cluster $owner
kill -KILL $owner
wait $owner 2>/dev/null
ok "delays: or with its owner" within 10 have_ended "$line"

done_testing
