# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: the tasks of a step of srun are the ranks of one world, however they find each other,
# wherever Slurm puts them, and whichever program of ours they are; and of no other.
source "${TAP:?is set by meson test}"
source "$SLURM/support.sh"
start_slurm 4

export LUA_PATH="$SOURCES/bindings/lua/lua/?.lua;$SOURCES/bindings/lua/lua/?/init.lua" \
    LUA_CPATH="$BUILD/bindings/lua/?.so" PATH="$BUILD/launcher:$PATH" OPENBLAS_NUM_THREADS=1 \
    IPC_KEY="a key for tests of steps"
lua=$BUILD/bindings/lua/interpreter/ipcrun-lua
world=$SOURCES/tests/slurm/step_world.lua

by_rank() { grep -v '^$' "$out" | sort -n; }
# What step_world.lua says for so many ranks on these nodes, which "h1 h1 h2" are: by rank.
expected() {
    awk '{ n = split($0, host, " ")
        for (i = 1; i <= n; ++i) {
            if (!(host[i] in node)) node[host[i]] = nodes++
            ++count[host[i]]
        }
        for (i = 1; i <= n; ++i)
            print i - 1, n, host[i], node[host[i]], place[host[i]]++, count[host[i]], "right"
    }' <<<"$*"
}
# step NAME "NODE OF EACH RANK" COMMAND...
step() {
    submit "${@:3}"
    is "$status $(by_rank | tr '\t' ' ')" "0 $(expected "$2")" "step: $1" ||
        head -5 "$err" | sed 's/^/# /'
}
read -r a b c d <<<"${nodes[*]}"

for mpi in none pmi2 pmix; do
    step "eight tasks on four nodes, --mpi=$mpi" "$a $a $a $a $b $b $c $d" \
        srun --quiet -N4 -n8 --mpi=$mpi "$lua" "$world"
done
for way in pmi1 slurm; do
    step "they find each other by $way where it is asked for" "$a $a $b" \
        srun --quiet -N2 -n3 --export="ALL,IPCRUN_BOOTSTRAP=$way" "$lua" "$world"
done
step "lua5.4, for which nobody has prepared anything" "$a $a $b" \
    srun --quiet -N2 -n3 lua5.4 "$world"
step "ipcrun, which has nothing to launch there" "$a $a $b" \
    srun --quiet -N2 -n3 "$IPCRUN" "$world"
submit srun --quiet -N2 -n2 sh -c 'for n in 3 4 5 6 7 8; do PMI_FD=$n "$@"; done' sh "$lua" "$world"
is "$status $(by_rank | cut -f1,2,7 | uniq -c | xargs)" "0 6 0 2 right 6 1 2 right" \
    "step: a PMI_FD that is only a name by now does no harm"
step "seven tasks on three nodes" "$a $a $a $a $b $b $c" srun --quiet -N3 -n7 "$lua" "$world"
step "three on each of two nodes" "$a $a $a $b $b $b" \
    srun --quiet -N2 --ntasks-per-node=3 "$lua" "$world"
step "dealt out to the nodes in turn" "$a $b $a $b $a $b" \
    srun --quiet -N2 --ntasks-per-node=3 -m cyclic "$lua" "$world"
step "tasks of two CPUs" "$a $a $b $b" srun --quiet -N2 -n4 -c2 "$lua" "$world"
submit srun --quiet -N1 -n1 "$lua" "$world"
is "$status $(cut -f1,2,7 "$out" | tr '\t' ' ')" "0 0 1 right" \
    "step: one task is a world of its own"
step "heterogeneous: one world" "$a $b $b" \
    srun --quiet -N1 -n1 "$lua" "$world" : -N1 -n2 "$lua" "$world"

# Two at once that must not meet: each waits for a file that is made when both have begun.
submit salloc --quiet -N2 -n8 sh -c '
    for i in 1 2; do srun -n4 -N2 --overlap "$@" & done; wait' sh "$lua" "$world"
is "$status $(by_rank | cut -f1,2,7 | tr '\t' ' ' | paste -sd,)" \
    "0 0 4 right,0 4 right,1 4 right,1 4 right,2 4 right,2 4 right,3 4 right,3 4 right" \
    "step: two steps of a job at once are two worlds"
submit sh -c 'for i in 1 2; do srun --quiet -n2 -N2 "$@" & done; wait' sh "$lua" "$world"
is "$status $(by_rank | cut -f1,2,7 | tr '\t' ' ' | paste -sd,)" \
    "0 0 2 right,0 2 right,1 2 right,1 2 right" "step: two jobs at once are two worlds"
cat >"$work/array" <<END
#!/bin/sh
#SBATCH --array=1-2 --nodes=2 --ntasks=2 --output=$work/array.%a
srun --quiet "$lua" "$world"
END
submit sbatch --parsable --export=ALL "$work/array"
are_written() { [[ $(cat "$work"/array.[12] 2>/dev/null | grep -c right) == 4 ]]; }
ok "step: the tasks of a job array are worlds of their own" within 20 are_written

submit srun --quiet -N2 -n3 sh -c '"$@" && "$@"' sh "$lua" "$world"
is "$status $(by_rank | cut -f1,2,7 | tr '\t' ' ' | paste -sd,)" \
    "0 0 3 right,0 3 right,1 3 right,1 3 right,2 3 right,2 3 right" \
    "step: two programs of a task, one after the other, are each in a world"
submit env LUA="$lua" srun --quiet -N2 -n2 "$lua" -e '
    require("ipc").world():barrier()
    local command <const> = os.getenv("LUA") .. [[ -e "print(require([=[ipc]=]).world().size)"]]
    local child <close> = io.popen(command)
    print(child:read("l"))'
is "$status $(paste -sd, "$out")" "0 1,1" "step: a program that a rank starts is no second rank" ||
    cat "$err"
submit env IPCRUN_BOOTSTRAP=alone srun --quiet -N2 -n2 "$lua" "$world"
is "$status $(cut -f1,2 "$out" | sort | uniq -c | xargs)" "0 2 0 1" \
    "step: who asks to be alone is"

submit srun --quiet -N2 -n2 "$IPCRUN" -v "$world"
is "$status $(grep -c 'find each other by pmi1' "$err")" "0 2" "step: ipcrun -v says how and why"
submit srun --quiet -N2 -n2 "$IPCRUN" -n 4 "$world"
is "$status $(grep -c 'decides how many ranks' "$err")" "2 2" \
    "step: ipcrun is not to decide what srun has"
submit env IPCRUN_BOOTSTRAP=magic srun --quiet -N2 -n2 "$lua" "$world"
is "$status $(grep -c 'IPCRUN_BOOTSTRAP' "$err")" "1 2" "step: a way that is none is an error"
submit env IPCRUN_JOIN_TIMEOUT=soon srun --quiet -N2 -n2 "$lua" "$world"
is "$status $(grep -c 'IPCRUN_JOIN_TIMEOUT' "$err")" "1 2" "step: a time that is none is an error"
submit env IPCRUN_JOIN_TIMEOUT=4 srun --quiet -N2 -n3 sh -c \
    '[ "$SLURM_PROCID" = 1 ] || exec "$@"; sleep 8' sh "$lua" "$world"
is "$(grep -c 'join the others' "$err")" 2 \
    "step: a task that never comes is an error for the others" ||
    cat "$err"

# The three ways to train one model.
train=("$SOURCES/examples/train.lua" --type double --epochs 3 --losses)
losses() { sed -n 's/^epoch.*loss \([0-9.]\{8\}\).*/\1/p' "$out" | paste -sd' '; }
submit srun --quiet -N2 -n4 "$IPCRUN" "${train[@]}"
alike=$(losses)
is "$status $(wc -w <<<"$alike")" "0 3" "step: train.lua trains" || cat "$err"
submit salloc --quiet -N2 -n4 "$IPCRUN" "${train[@]}"
is "$status $(losses)" "0 $alike" "step: in a job of ipcrun it learns the same" || cat "$err"
submit env IPCRUN_BOOTSTRAP=alone HOME="$work" srun --quiet -N2 -n4 "$lua" "${train[@]}" \
    --tree ipc.SlurmTree
is "$status $(losses)" "0 $alike" "step: over SlurmTree, too" || cat "$err"
is "$(ls -A "$work/.torch")" "" "step: of which no file is left"
hosts_are_clean "step: nothing is left" 8
done_testing
