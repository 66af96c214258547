# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: tasks that srun has started find each other, in each way in which they can.
source "${TAP:?is set by meson test}"
source "$SLURM/support.sh"
start_slurm 4
tasks=$BUILD/tests/bootstrap/exchange_cards
# Hosts have homes of their own here, so that the user's file with the key is on one only.
export IPC_KEY=$RANDOM$RANDOM-the-key-of-these-tests

# What the tasks printed: "RANKS TASKS SUMS WAY", where there is one of the latter three.
met() {
    grep -E '^[0-9]+ [0-9]+ [0-9a-f]{16} ' "$out" | sort -n >"$work/met"
    echo "$(cut -d' ' -f1 "$work/met" | paste -sd,) $(cut -d' ' -f2 "$work/met" | sort -u)" \
        "$(cut -d' ' -f3 "$work/met" | sort -u | wc -l) $(cut -d' ' -f4 "$work/met" | sort -u)"
}
# meet WAY N NAME COMMAND...: all N of them do, in this way.
meet() {
    local way=$1 count=$2 name=$3
    submit timeout 60 "${@:4}"
    is "$status $(met)" "0 $(seq -s, 0 $((count - 1))) $count 1 $way" "bootstrap: $name"
}

meet pmi1 8 "tasks of a step meet by PMI-1" srun --mpi=none -N4 -n8 "$tasks"
if slurm exec srun --mpi=list 2>&1 | grep -q pmi2; then has_pmi2=true; else has_pmi2=false; fi
if slurm exec srun --mpi=list 2>&1 | grep -q pmix; then has_pmix=true; else has_pmix=false; fi
$has_pmi2 && meet pmi2 8 "and by PMI-2, where srun offers it" srun --mpi=pmi2 -N4 -n8 "$tasks"
$has_pmix && meet pmix 8 "and by PMIx" srun --mpi=pmix -N4 -n8 "$tasks"
meet slurm 8 "and without any of them" \
    env IPCRUN_BOOTSTRAP=slurm srun --mpi=none -N4 -n8 "$tasks"

# Each way in each shape of a step. "MPI WAY": what srun offers, and what is forced.
ways=("none pmi1" "none slurm")
$has_pmi2 && ways+=("pmi2 pmi2" "pmi2 pmi1")
$has_pmix && ways+=("pmix pmix" "pmix pmi1")
printf '%s\n' "${nodes[2]}" "${nodes[0]}" "${nodes[0]}" >"$work/hosts"
printf '%s\n' "0 $tasks 700" "1-4 $tasks 700" >"$work/programs"
for pair in "${ways[@]}"; do
    way=${pair#* }
    in_this_way=(env "IPCRUN_BOOTSTRAP=$way" srun --quiet "--mpi=${pair% *}")
    note="($way under --mpi=${pair% *})"
    meet "$way" 7 "nodes need not have as many tasks $note" "${in_this_way[@]}" -N3 -n7 "$tasks"
    meet "$way" 6 "cards may be longer than values $note" \
        "${in_this_way[@]}" -N2 --ntasks-per-node=3 "$tasks" 3000
    meet "$way" 7 "neighbours need not be on one node $note" \
        "${in_this_way[@]}" -N3 -n7 -m cyclic "$tasks"
    meet "$way" 3 "rank 0 need not be on the first node $note" \
        env "SLURM_HOSTFILE=$work/hosts" "${in_this_way[@]}" -n3 -m arbitrary "$tasks"
    meet "$way" 5 "programs may differ $note" \
        "${in_this_way[@]}" -N2 -n5 --multi-prog "$work/programs"
    # Not with srun's plug-in for PMIx: now and then that of 22.05 hangs here, with `true` as well.
    [[ ${pair% *} == pmix ]] || meet "$way" 3 "parts of a heterogeneous step are one world $note" \
        "${in_this_way[@]}" -N1 -n1 "$tasks" : -N2 -n2 "$tasks"
    meet "$way" 4 "all tasks may be on one node $note" "${in_this_way[@]}" -N1 -n4 "$tasks"
done

submit srun -N1 -n1 "$tasks"
is "$status $(met)" "0 0 1 1 alone" "bootstrap: the task of a step of one is alone"

# Two steps at once. Sums tell how long cards are, so those who met others would show.
for pair in "${ways[@]}"; do
    way=${pair#* }
    submit env IPCRUN_BOOTSTRAP="$way" salloc --quiet -N4 -n8 sh -c '
        srun --overlap --mpi="$1" -n4 "$0" 200 & srun --overlap --mpi="$1" -n8 "$0" 300; wait' \
        "$tasks" "${pair% *}"
    is "$status $(cut -d' ' -f2-4 "$out" | sort | uniq -c | sed 's/[0-9a-f]\{16\}/SUM/' | xargs)" \
        "0 4 4 SUM $way 8 8 SUM $way" "bootstrap: two steps at once do not meet (${pair% *}, $way)"
done

# Tasks that meet more than once: a script that starts ipcrun in each line.
for pair in "none pmi1" "none slurm" "pmi2 pmi1" "pmix pmix"; do
    mpi=${pair% *} way=${pair#* }
    [[ " ${ways[*]} " == *" $mpi $way "* ]] || continue
    submit env IPCRUN_BOOTSTRAP="$([[ $way == slurm ]] && echo slurm)" \
        srun --mpi="$mpi" -N2 -n4 sh -c '"$0" 200 >/dev/null; "$0" 300' "$tasks"
    is "$status $(met)" "0 0,1,2,3 4 1 $way" "bootstrap: tasks may meet twice ($mpi, $way)"
done

# What cannot be.
submit env IPCRUN_BOOTSTRAP=pmi2 srun --mpi=none -n2 "$tasks"
like "$status $(<"$err")" '^1 .*IPCRUN_BOOTSTRAP=pmi2: no PMI-2 is offered here' \
    "bootstrap: a way that srun does not offer is an error"
for pair in "${ways[@]}"; do
    way=${pair#* }
    submit timeout 60 env IPCRUN_BOOTSTRAP="$way" srun --mpi="${pair% *}" -N2 -n4 sh -c \
        '[ "$SLURM_PROCID" = 2 ] && exec sleep 6; exec "$0" 100 2.5' "$tasks"
    # By PMIx, Slurm ends the step with the first task that has not taken its leave.
    least=3
    [[ $way != pmix ]] || least=1
    like "$status $(grep -c 'exchange_cards: timeout: .* 4 .*tasks' "$err")" \
        "^(1|137) [$least-3]\$" \
        "bootstrap: a task that does not come ends the wait of the others ($way, ${pair% *})"
    echo "# $(grep -m 1 'exchange_cards: timeout' "$err")"
done
submit srun --mpi=none -N4 -n4 sh -c \
    'exec env IPCRUN_BOOTSTRAP=slurm IPC_KEY="$0-$SLURMD_NODENAME" "$@"' "$IPC_KEY" "$tasks" 100 15
like "$status $(<"$err")" '^1 .*config: .*finds nobody with its own key.*IPC_KEY_FILE' \
    "bootstrap: tasks that have no key in common are told what to do"

# How long it takes, for who reads this.
for pair in "none pmi1" "pmi2 pmi2" "pmix pmix" "none slurm"; do
    mpi=${pair% *} way=${pair#* }
    [[ " ${ways[*]} " == *" $mpi $way "* ]] || continue
    meet "$way" 64 "there may be more tasks than CPUs ($way)" \
        env IPCRUN_BOOTSTRAP="$way" srun --overcommit --mpi="$mpi" -N4 -n64 "$tasks" 300
    echo "# $way, 64 tasks on 4 nodes: the last after" \
        "$(cut -d' ' -f5 "$out" | sort -n | tail -n 1) ms"
done
hosts_are_clean "bootstrap: nothing is left of it" 8
done_testing
