# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: a job is the same over slow, lossy and partly missing ways between its hosts, and takes
# few round trips to start.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 4 delay
delay_all() {
    local host
    for host in "${hosts[@]}"; do cluster delay "$host" "$1"; done
}

# took HOST COMMAND...: how many ms it took, of two runs the quicker.
took() {
    local start
    for _ in 1 2; do
        start=$(now_ms)
        run_on "$@"
        echo $(($(now_ms) - start))
    done | sort -n | head -n 1
}
is_up() { [[ $(find "$work" -name 'up.*' | wc -l) == "$1" ]]; }
# begin_job RANKS ARGS...: in the background, until all ranks are up; they end when told to go on.
begin_job() {
    rm -f "$work"/up.* "$work/go"
    begin h1 "$IPCRUN" "${@:2}" sh -c 'trap "" INT
        touch "$0/up.$IPCRUN_RANK"; until [ -e "$0/go" ]; do sleep 0.05; done; hostname' "$work"
    within 25 is_up "$1" || not_ok "the job is up: ${*:2}"
}

# A job over the network as it is now, named by WHAT.
is_as_ever() {
    local what=$1
    shift
    run_on h1 "$IPCRUN" "$@" --hosts h1:2,h2:2 sh -c 'hostname; hostname >&2'
    is "$status $(sort "$out" | paste -sd' ') $(sort "$err" | paste -sd' ')" \
        "0 h1 h1 h2 h2 h1 h1 h2 h2" "networks: $what: output comes"
    run_on h1 "$IPCRUN" "$@" --hosts h1:2,h2:2 sh -c 'yes 123456789 | head -c 500000'
    is "$status $(grep -cvx 123456789 "$out") $(wc -c <"$out")" "0 0 2000000" \
        "networks: $what: 2 MB of it come whole"
    run_on h1 "$IPCRUN" "$@" --hosts h2:1,h1:1 sh -c '[ $IPCRUN_RANK = 1 ] || exec sha256sum' \
        <"$work/random"
    is "$status $(<"$out")" "0 $(sha256sum <"$work/random")" "networks: $what: so does input"
    run_on h1 "$IPCRUN" "$@" --hosts h1:2,h2:2 sh -c '[ $IPCRUN_RANK = 3 ] && exit 7; exec sleep 60'
    is "$status" 7 "networks: $what: the exit status of a rank"
    like "$(<"$err")" '^ipcrun: rank 3 \(pid [0-9]+ on host h2\) ended with exit status 7' \
        "networks: $what: is told"
    begin_job 4 "$@" --hosts h1:2,h2:2
    kill -INT "$(launcher)"
    ended
    is "$status $(<"$err")" "130 " "networks: $what: Ctrl-C ends it"
    hosts_are_clean "networks: $what: nothing is left" 10
}
head -c 500000 /dev/urandom >"$work/random"

delay_all 25
is_as_ever "50 ms"
round_trip=200 # ms: much beside what the CPUs have to do
delay_all $((round_trip / 4))
alone=$(took h1 ssh h2 true)
of_two=$(took h1 "$IPCRUN" --hosts h1:1,h2:1 true)
of_four=$(took h1 "$IPCRUN" --hosts h1:1,h2:1,h3:1,h4:1 true)
echo "# ssh $alone ms, two hosts $of_two ms, four $of_four ms"
ok "networks: a job takes four round trips beside those of ssh" \
    test $((of_two - alone)) -lt $((7 * round_trip))
ok "networks: however many hosts it has" test $((of_four - alone)) -lt $((7 * round_trip))
begin_job 2 --hosts h1:1,h2:1 --host-timeout 2
sleep 5
touch "$work/go"
ended
is "$status $(sort "$out" | paste -sd' ')" "0 h1 h2" "networks: 100 ms are no silence"
run_on h1 "$IPCRUN" --ssh-fan-out 1 --hosts h1:1,h2:1,h3:1 hostname
is "$status $(sort "$out" | paste -sd' ')" "0 h1 h2 h3" "networks: 100 ms: agents in a chain"
cluster heal

cluster loss h1-a 0.1
cluster loss h2-a 0.1
# That of ssh by itself ends when the first four packets are lost.
is_as_ever "10 % loss" --ssh-args '-o ConnectTimeout=25'
delay_all 5
run_on h1 "$IPCRUN" --ssh-args '-o ConnectTimeout=25' --hosts h1:1,h2:1 hostname
is "$status $(sort "$out" | paste -sd' ')" "0 h1 h2" "networks: 10 % loss and 10 ms"
cluster heal

cluster cut h2 h3
run_on h1 "$IPCRUN" --hosts h1:2,h2:2,h3:2 hostname
is "$status $(sort "$out" | paste -sd' ')$(<"$err")" "0 h1 h1 h2 h2 h3 h3" \
    "networks: two hosts that cannot reach each other do no harm"
cluster heal
begin_job 3 --hosts h1:1,h2:1,h3:1 --host-timeout 4
cluster cut h1 h2
sleep 1
cluster heal
touch "$work/go"
ended
is "$status $(sort "$out" | paste -sd' ')$(<"$err")" "0 h1 h2 h3" \
    "networks: nor does a black hole that is mended in time"
begin_job 3 --hosts h1:1,h2:1,h3:1 --host-timeout 2
cluster cut h1 h2
hosts_are_clean "networks: of one that stays nothing is left, on either side" 8
ended
is "$status" 1 "networks: it ends the job"
like "$(<"$err")" '^ipcrun: .*h2.*silent for 2 s' "networks: and is told"

done_testing
