# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2154
# Proves: nodes of different sizes carry one world, of tasks of srun as of ranks of ipcrun.
source "${TAP:?is set by meson test}"
source "$SLURM/support.sh"
export SLURM_LAST_CPUS=2
start_slurm 3

export PATH="$BUILD/launcher:$PATH" OPENBLAS_NUM_THREADS=1
world=$SOURCES/tests/slurm/step_world.lua
# How many ranks are on which node, of how many, and how their sums are.
spread() { cut -f2,3,7 "$out" | sort -k2 | uniq -c | tr -s ' \t' ' ' | paste -sd,; }

submit srun --quiet -N3 -n10 "$BUILD/bindings/lua/interpreter/ipcrun-lua" "$world"
is "$status $(spread)" "0  4 10 h1 right, 4 10 h2 right, 2 10 h3 right" \
    "step: nodes of different sizes are one world" || cat "$err"
submit salloc --quiet -N3 -n10 "$IPCRUN" "$world"
is "$status $(spread)" "0  4 10 h1 right, 4 10 h2 right, 2 10 h3 right" \
    "step: and so they are in a job of ipcrun" || cat "$err"
hosts_are_clean "step: nothing is left" 8
done_testing
