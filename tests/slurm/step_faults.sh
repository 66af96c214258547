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

# What the survivors print when rank 2 of five, which is on h2, has ended.
for way in pmi1:none pmi2:pmi2 pmix:pmix slurm:none; do
    task=(srun --quiet -N3 -n5 --mpi="${way#*:}" --export="ALL,IPCRUN_BOOTSTRAP=${way%:*}")
    submit "${task[@]}" "$SWEEP"
    is "$status $(<"$err")" "0 " "step: every operation on every type, by ${way%:*}"
    submit "${task[@]}" "$lua" "$sums" 1000 3 9 kill
    is "$status $(grep -c 'rank 3 on host h2' "$out")" "137 4" \
        "step: a task that is killed is named by all others, by ${way%:*}" || cat "$out" "$err"
done
submit srun --quiet -N3 -n5 "$lua" "$sums" 1000 3 9 exit
is "$(grep -c 'rank 3 on host h2' "$out")" 4 "step: and so is one that ends too early"
hosts_are_clean "step: nothing is left"

begin h1 srun --quiet --kill-on-bad-exit=0 -N3 -n5 "$lua" "$sums" 1000 3 9 kill
ended
is "$status $(grep -c 'rank 3 on host h2' "$out")" "137 4" \
    "step: --kill-on-bad-exit=0: the others have their error, and time to tell it"
done_testing
