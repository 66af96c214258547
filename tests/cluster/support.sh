# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154  # used by, and from, those who source this
# Tests on pretend hosts: sourced after tap.sh.
#
#     start_hosts N [delay]     h1 to hN, gone with the test; skips it where they cannot be, or
#                               cannot have delays
#     cluster COMMAND...        see cluster.sh
#     on HOST COMMAND...        runs it there
#     run_on HOST COMMAND...    the same as `run` does: $status, $out, $err
#     begin HOST COMMAND...     in the background, as $job, with the files $out and $err
#     ended                     waits for it, for half a minute at most, and sets $status
#     guard_on HOST, agent_on HOST      pids of the guard of a job's agent there, and of the agent
#     hosts_are_clean NAME [SECONDS]    within three nothing is left on any host
cluster() { bash "$CLUSTER/cluster.sh" "$@"; }
on() { cluster exec "$@"; }
run_on() { run bash "$CLUSTER/cluster.sh" exec "$@"; }

start_hosts() {
    local why
    why=$(cluster can "${@:2}" 2>&1) || {
        echo "1..0 # SKIP ${why#cluster: }"
        exit 0
    }
    export IPCRUN_CLUSTER
    IPCRUN_CLUSTER=$(cluster up $$ "$1" "$SOURCES" "$BUILD" "$work") || {
        echo "Bail out! no hosts"
        exit 1
    }
    trap 'cluster down; cleanup' EXIT
    hosts=()
    local i
    for ((i = 1; i <= $1; ++i)); do hosts+=("h$i"); done
}

# $job is nsenter's, whose only child is the COMMAND: see `launcher`.
begin() {
    : >"$out" 2>"$err"  # now: nobody is to take what the last one wrote for this one's
    env --default-signal=INT,QUIT bash "$CLUSTER/cluster.sh" exec "$@" >"$out" 2>"$err" &
    job=$!
}
launcher() { ps -o pid= --ppid "$job" | tr -d ' '; }
ended() {
    is_over() { ! kill -0 "$job" 2>/dev/null; }
    within 30 is_over || kill -KILL "$job"
    status=0
    wait "$job" 2>/dev/null || status=$?
}

# The guard is the other's parent.
agents_on() {
    local pid pids=()
    for pid in $(cluster left "$1"); do
        [[ $(cat "/proc/$pid/comm" 2>/dev/null) == ipcrun ]] && pids+=("$pid")
    done
    [[ $(ps -o ppid= -p "${pids[0]}") -ne ${pids[1]} ]] || pids=("${pids[1]}" "${pids[0]}")
    printf '%s\n' "${pids[@]}"
}
guard_on() { agents_on "$1" | sed -n 1p; }
agent_on() { agents_on "$1" | sed -n 2p; }

left_on_hosts() {
    local host
    for host in "${hosts[@]}"; do cluster left "$host"; done
}
is_clean() { [[ -z $(left_on_hosts) ]]; }
hosts_are_clean() {
    within "${2:-3}" is_clean || {
        not_ok "$1"
        ps -o pid,ppid,stat,args -p "$(left_on_hosts | paste -sd,)" | sed 's/^/# /'
        return
    }
    ok "$1"
}
