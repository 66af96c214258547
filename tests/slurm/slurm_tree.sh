# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: SlurmTree makes one tree of the tasks of a step, with as few links between hosts as can
# be, and of no other step; and says who has died, and leaves nothing.
source "${TAP:?is set by meson test}"
source "$SLURM/support.sh"
start_slurm 4

meet=$work/meet
# Tasks that are no ranks; at the end they are.
export IPCRUN_BOOTSTRAP=alone
export IPC_KEY="a key for tests of SlurmTree" LUA_PATH="" OPENBLAS_NUM_THREADS=1
program=("$BUILD/bindings/lua/interpreter/ipcrun-lua" "$SOURCES/tests/slurm/slurm_tree.lua" "$meet")
files_left() { [[ ! -e $meet ]] || ls -A "$meet"; }

# step TASKS HOSTS ARGUMENTS...: a line for each task, which knows the sums. Links between hosts
# are sockets, those within one memory; those of a world say nothing of that.
step() {
    local tasks=$1 hosts=$2 lines links
    submit srun --quiet "-N$hosts" "-n$tasks" "${@:3}" "${program[@]}"
    lines=$(sort -n "$out")
    is "$status $(cut -d' ' -f1,5,6 <<<"$lines" | paste -sd' ')" \
        "0 $(for ((i = 1; i <= tasks; ++i)); do
            echo "$i $((tasks * (tasks + 1) / 2)) $tasks"
        done | paste -sd' ')" "SlurmTree: srun -N$hosts -n$tasks ${*:3}: all sums"
    [[ $status == 0 ]] || cat "$err" "$out"
    links=$(awk '{ host[$1] = $2; above[$1] = $3 }
        END { for (i in above) if (above[i] > 0 && host[i] != host[above[i]]) ++n; print n + 0 }' \
        <<<"$lines")
    # Nodes that are one host share memory, all of them: their tree knows of one host.
    [[ $SLURM_MODE == local ]] ||
        is "$links" $((hosts - 1)) "SlurmTree: one link fewer between hosts than there are hosts"
    [[ $IPCRUN_BOOTSTRAP != alone ]] ||
        is "$(awk -v mode="$SLURM_MODE" '{ host[$1] = $2; links[$1] = $7 }
        END { for (i in links) { n = split(links[i], list, ","); for (j = 1; j <= n; ++j) {
            split(list[j], link, "=")
            want = mode == "local" || host[i] == host[link[1]] ? "memory" : "socket"
            if (link[2] != want) print i, list[j] } } }' <<<"$lines")" "" \
        "SlurmTree: each link is the fastest that there is"
    is "$(awk '{ seen = count[$2]++; if ($4 != int(seen / 2) + 1) print }' <<<"$lines")" "" \
        "SlurmTree: two tasks a GPU, counted on each host"
    is "$(files_left)" "" "SlurmTree: no file is left"
}

step 8 4
step 7 2
step 7 3
step 7 3 -m cyclic
step 3 2
step 5 2
step 5 3
step 10 3
step 1 1

submit salloc --quiet -N2 -n8 sh -c '
    for i in 1 2; do srun -n4 -N2 --overlap "$@" & done; wait' sh "${program[@]}"
is "$status $(sort -n "$out" | cut -d' ' -f1,5 | paste -sd' ')" \
    "0 1 10 1 10 2 10 2 10 3 10 3 10 4 10 4 10" "SlurmTree: two steps of a job at once do not meet"

submit srun --quiet -N4 -n8 "${program[@]}" after
like "$status" '^137$' "SlurmTree: a task that is killed is told by srun"
is "$(grep -c 'node 6 ' "$out")" 7 "SlurmTree: and named by all others" || cat "$out" "$err"
is "$(files_left)" "" "SlurmTree: no file is left of it"

submit srun --quiet -N4 -n8 "${program[@]}" before
is "$(grep -c 'node 1' "$out")" 7 "SlurmTree: so is the first, while it waits for others" ||
    cat "$out" "$err"
is "$(files_left)" "" "SlurmTree: whose file the others take away"
hosts_are_clean "SlurmTree: nothing is left on any host" 8

submit env HOME="$work" srun --quiet -N2 -n3 "${program[0]}" \
    "$SOURCES/examples/allreduce_tree.lua" --slurm --elements 1000
is "$status $(grep -c 'of 3: the sum is 6, of 3 nodes' "$out")" "0 3" \
    "SlurmTree: the example of reductions runs" || cat "$out" "$err"
is "$(ls -A "$work/.torch")" "" "SlurmTree: no file is left in the home"

cat >"$work/alone" <<END
#!/bin/sh
#SBATCH --nodes=2 --ntasks=2 --output=$work/alone.out
exec ${program[*]}
END
submit sbatch --wait "$work/alone"
like "$(<"$work/alone.out")" 'SLURM_STEP_ID is not set' \
    "SlurmTree: the script of a job is told that it is no task" || cat "$out" "$err"

# Where srun makes a world of them, they need neither a file nor a key.
rm -r "$meet"
export IPCRUN_BOOTSTRAP="" IPC_KEY=""
step 8 4
step 7 2
step 7 3 -m cyclic
step 10 3
ok "SlurmTree: ranks of a world need no folder" test ! -e "$meet"
hosts_are_clean "SlurmTree: nothing is left of them" 8
done_testing
