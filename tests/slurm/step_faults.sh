# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: in a step of srun every way to find each other carries every collective operation; what
# happens to a task, a node or the step is told to the others, and nothing is left of it.
source "${TAP:?is set by meson test}"
source "$SLURM/support.sh"
start_slurm 4

export PATH="$BUILD/launcher:$PATH" OPENBLAS_NUM_THREADS=1 IPC_KEY="a key for tests of steps"
lua=$BUILD/bindings/lua/interpreter/ipcrun-lua
sums=$SOURCES/tests/cluster/sums.lua

# What the survivors print when rank 3 of five, which is alone on h2, has ended.
for way in pmi1:none pmi2:pmi2 pmix:pmix slurm:none; do
    task=(srun --quiet -N3 -n5 --mpi="${way#*:}" --export="ALL,IPCRUN_BOOTSTRAP=${way%:*}")
    submit "${task[@]}" "$SWEEP" short
    is "$status $(<"$err")" "0 " "step: every operation on every type, by ${way%:*}"
    submit "${task[@]}" "$lua" "$sums" 1000 3 9 kill
    is "$status $(grep -c 'rank 3 on host h2' "$out")" "137 4" \
        "step: a task that is killed is named by all others, by ${way%:*}" || cat "$out" "$err"
done
submit srun --quiet -N3 -n5 "$lua" "$sums" 1000 3 9 exit
is "$(grep -c 'rank 3 on host h2' "$out")" 4 "step: and so is one that ends too early"
# Before Linux 6.15 nobody tells how, where Slurm has asked first.
how='failed: signal 9'
[[ $(printf '%s\n6.15\n' "$(uname -r)" | sort -V | head -n 1) == 6.15 ]] || how=
submit srun --quiet -N3 -n5 "$lua" "$sums" 1000 1 9 kill
is "$(grep -cE "rank 1( on host h1)? $how" "$out")" 4 "step: how a rank ended is told" ||
    cat "$out" "$err"
# With the last rank of a node Slurm kills whatever is there, and our agent may not come to tell.
submit srun --quiet -N3 -n5 "$lua" "$sums" 1000 4 9 kill
is "$(grep -cE 'rank 4 on host h3 (failed: signal 9|is lost: it has ended)' "$out")" 4 \
    "step: the only rank of its node is named, too" || cat "$out" "$err"
hosts_are_clean "step: nothing is left" 8

begin h1 srun --quiet --kill-on-bad-exit=0 -N3 -n5 "$lua" "$sums" 1000 3 9 kill
ended
is "$status $(grep -c 'rank 3 on host h2' "$out")" "137 4" \
    "step: --kill-on-bad-exit=0: the others have their error, and time to tell it"
begin h1 srun --quiet -K -N3 -n5 "$lua" "$sums" 1000 3 9 kill
ended
like "$status" '^1[0-9][0-9]$' "step: -K: all end with it"

# A running step of five ranks on three nodes; all have begun when it returns.
begin_step() {
    begin h1 env SUMS_STATUS=1 srun --quiet -N3 -n5 "$lua" "$sums" 1000 until /nowhere
    has_begun() { grep -q begun "$out"; }
    within 15 has_begun || cat "$out" "$err"
}
are_told() { [[ $(grep -c "$1" "$out") == "$2" ]]; }

begin_step
on h2 pkill -KILL -x slurmstepd
ended
is "$status $(grep -c 'rank 3 on host h2' "$out")" "1 4" \
    "step: slurmstepd is killed: its ranks end, the others name them, and srun returns" ||
    cat "$out" "$err"
hosts_are_clean "step: nothing is left where nobody clears up" 8

begin_step
cluster kill h3
ok "step: a host dies: all others name its rank" within 25 are_told 'rank 4 on host h3' 4 ||
    cat "$out" "$err"
slurm exec scancel --user=root
within 60 eval '! kill -0 "$job" 2>/dev/null'
ended
ok "step: and srun does not say that all was well" [ "$status" != 0 ]

begin h1 srun --quiet -N2 -n3 "$lua" "$SOURCES/tests/slurm/step_stopping.lua"
ok "step: ranks run until they are asked to end" within 15 are_told ready 3
slurm exec scancel --user=root
ended
is "$(grep -c 'of 3 stops well: TERM' "$out")" 3 "step: scancel: ranks have the time to end well" ||
    cat "$out" "$err"

begin h1 srun --quiet -N2 -n3 "$lua" "$SOURCES/tests/slurm/step_stopping.lua"
ok "step: once more" within 15 are_told ready 3
step_id=$(slurm exec squeue --steps --noheader --format=%i | sort -n | tail -1)
slurm exec scancel --signal=TERM "$step_id"
slurm exec scancel --signal=TERM "$step_id" 2>/dev/null
ended
is "$status $(grep -c 'of 3 stops well: TERM' "$out")" "0 3" \
    "step: TERM twice is no other wish than once" || cat "$out" "$err"
hosts_are_clean "step: nothing is left of all this" 8
done_testing
