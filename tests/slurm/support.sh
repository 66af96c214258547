# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1091,SC2034,SC2154  # used by, and from, those who source this
# Tests under Slurm: sourced after tap.sh. There is all that tests/cluster/support.sh gives, too.
#
#     start_slurm N             a Slurm of N nodes, gone with the test; skips it where there can be
#                               none. SLURM_MODE is `hosts` or `local`: see slurm.sh
#     nodes                     their names: the list ${nodes[@]}
#     slurm COMMAND...          see slurm.sh
#     submit COMMAND...         runs it on h1 as `run` does: $status, $out, $err
#     begin h1 COMMAND...       in the background
#     hosts_are_clean NAME [SECONDS]    within three nothing is left, of steps neither
source "$CLUSTER/support.sh"
slurm() { bash "$SLURM/slurm.sh" "$@"; }
submit() { run bash "$SLURM/slurm.sh" exec "$@"; }
left_on_hosts() { slurm left; }

start_slurm() {
    local why i letter=n
    why=$(slurm can 2>&1) || {
        echo "1..0 # SKIP ${why#*: }"
        exit 0
    }
    export IPCRUN_CLUSTER
    IPCRUN_CLUSTER=$(slurm up $$ "$SLURM_MODE" "$1" "$SOURCES" "$BUILD" "$work") || {
        echo "Bail out! no Slurm"
        exit 1
    }
    trap 'slurm down; cleanup' EXIT
    [[ $SLURM_MODE == local ]] || letter=h
    nodes=()
    for ((i = 1; i <= $1; ++i)); do nodes+=("$letter$i"); done
}
