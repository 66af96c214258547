# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2154
# Proves: the time limit of a job, a minute here, is heard by its ranks, which have the time to end
# well.
source "${TAP:?is set by meson test}"
source "$SLURM/support.sh"
start_slurm 2

export PATH="$BUILD/launcher:$PATH"
# limited NAME SRUN_OPTION... -- SIGNAL...: of a minute, in the background.
limited() {
    local name=$1 options=()
    shift
    while [[ $1 != -- ]]; do options+=("$1") && shift; done
    slurm exec srun --quiet --time=1 "${options[@]}" -N2 -n3 \
        "$BUILD/bindings/lua/interpreter/ipcrun-lua" "$SOURCES/tests/slurm/step_stopping.lua" \
        "${@:2}" >"$work/$name" 2>"$work/$name.err"
    echo "$?" >"$work/$name.status"
}
limited warned --signal=USR1@20 -- USR1 &
limited cut -- &
has_ended() { [[ -s $work/$1.status ]]; }
stopped_well() { grep -c "of 3 stops well: $2" "$work/$1"; }

ok "step: a job ends when a signal tells it that its time is nearly over" \
    within 150 has_ended warned
is "$(<"$work/warned.status") $(stopped_well warned USR1)" "0 3" \
    "step: all ranks hear of it" || cat "$work"/warned*
ok "step: a job that nobody has warned ends, too" within 150 has_ended cut
is "$(stopped_well cut TERM)" 3 "step: the time limit is TERM, and KILL some seconds later" ||
    cat "$work"/cut*
hosts_are_clean "step: nothing is left" 10
done_testing
