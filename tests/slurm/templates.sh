# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: the templates for sbatch run programs on all nodes of their jobs, the one that is queued
# again goes on from its checkpoint, and what the nodes look like is collected.
source "${TAP:?is set by meson test}"
source "$SLURM/support.sh"
start_slurm 3

templates=$SOURCES/scripts/slurm
export OPENBLAS_NUM_THREADS=1
export PATH=$BUILD/launcher:$BUILD/bindings/lua/interpreter:$PATH
cat >"$work/where.lua" <<'END'
local world = require "ipc".world()
print(("%d of %d: %s"):format(world.rank, world.size, table.concat(arg, " ")))
END
show() { sed 's/^/# /' "$@"; }
batch() { submit sbatch --parsable --wait --time=2 --chdir="$work" "$@"; }

batch -N2 --ntasks-per-node=2 --output="$work/cpu" "$templates/ipcrun-cpu.sbatch" where.lua a b
is "$status $(sed 's/^.*] *//' "$work/cpu" | sort | paste -sd,)" \
    "0 0 of 4: a b,1 of 4: a b,2 of 4: a b,3 of 4: a b" \
    "templates: ipcrun-cpu.sbatch starts a rank for each task" || show "$err" "$work/cpu"

batch -N2 --ntasks-per-node=2 --cpus-per-task=1 --gpus-per-node=0 --output="$work/gpu" \
    "$templates/ipcrun-gpu.sbatch" where.lua
is "$status $(grep -c 'of 4: $' "$work/gpu")" "0 4" "templates: ipcrun-gpu.sbatch does so" ||
    show "$err" "$work/gpu"
like "$(<"$work/gpu")" 'Links' "templates: and shows the plan first"

batch --array=3-4 -N1 --ntasks-per-node=2 --output="$work/array-%a" \
    "$templates/ipcrun-array.sbatch" where.lua
is "$status $(sort "$work"/array-[34] | paste -sd,)" \
    "0 0 of 2: --seed 3,0 of 2: --seed 4,1 of 2: --seed 3,1 of 2: --seed 4" \
    "templates: ipcrun-array.sbatch tells each job its number" || show "$err" "$work"/array-*

# One that is interrupted, and one that is not: with the same result.
again=("$templates/ipcrun-requeue.sbatch" "$SOURCES/examples/checkpoint.lua" --steps 15000)
batch -N2 --ntasks-per-node=2 --output="$work/whole" "${again[@]}"
like "$status $(<"$work/whole")" '^0 4 ranks begin at step 0.*done: 15000 steps' \
    "templates: ipcrun-requeue.sbatch runs to the end where there is time" || show "$work/whole"
submit sbatch --parsable --time=2 --chdir="$work" -N2 --ntasks-per-node=2 \
    --output="$work/pieces" "${again[@]}"
number=$(<"$out")
has_said() { grep -qs "$1" "$work/pieces"; }
ok "templates: it begins" within 20 has_said 'begin at step 0'
slurm exec scancel --batch --signal=USR1 "$number"
ok "templates: it stops when Slurm tells it that time is nearly over" \
    within 20 has_said 'has written its checkpoint' || show "$work/pieces"
# A job that is queued again waits for two minutes, from when its nodes are free: until then Slurm
# forgets when else it was told to start.
waits() { [[ $(slurm exec scontrol show job "$number") == *Reason=BeginTime* ]]; }
ok "templates: it is queued again" within 20 waits
starts() {
    ! waits || slurm exec scontrol update "jobid=$number" StartTime=now
    has_said 'begin at step [1-9]'
}
ok "templates: and goes on where it had stopped" within 60 starts || show "$work/pieces"
ok "templates: to the end" within 60 has_said 'done: ' || show "$work/pieces"
is "$(grep done: "$work/pieces")" "$(grep done: "$work/whole")" "templates: with the same result"

hosts_are_clean "templates: nothing is left" 8
done_testing
