# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: in an allocation of Slurm ipcrun runs on its nodes, with as many ranks as were asked for,
# where srun would have put them.
source "${TAP:?is set by meson test}"
source "$SLURM/support.sh"
start_slurm 4

letter=${nodes[0]:0:1}
# spread WORDS...: "3h1 2h2" where srun, told the same, has so many ranks on each node.
who='echo "$IPCRUN_RANK/$IPCRUN_SIZE $SLURMD_NODENAME"'
spread() { sort -n "$out" | cut -d' ' -f2 | uniq -c | tr -d ' ' | paste -sd' '; }
# allocated ARGUMENTS... -- COMMAND...
allocated() { submit salloc --quiet "$@"; }

allocated -N4 -n8 "$IPCRUN" "$SLURM/world.lua"
is "$status $(<"$err")" "0 " "allocation: a job in it ends well"
is "$(sort -n "$out" | cut -f1,2,4,5 | paste -sd,)" \
    "$(for ((i = 0; i < 8; ++i)); do printf '%d\t8\t36.0\t36.0\n' $i; done | paste -sd,)" \
    "allocation: all tasks that were asked for are ranks of one world, which adds up"
mine=$(sort -n "$out" | cut -f1,3)
allocated -N4 -n8 srun sh -c 'echo "$SLURM_PROCID	$SLURMD_NODENAME"'
is "$mine" "$(sort -n "$out")" "allocation: they are where srun puts them"

allocated -N3 -n6 -c2 "$IPCRUN" sh -c "$who"
is "$status $(spread)" "0 2${letter}1 2${letter}2 2${letter}3" "allocation: --cpus-per-task"
allocated -N2 -n4 "$IPCRUN" -n 3 sh -c "$who"
is "$status $(wc -l <"$out")" "0 3" "allocation: -n asks for less"
allocated -N2 -n4 "$IPCRUN" -n 9 sh -c "$who"
is "$status $(wc -l <"$out")" "0 9" "allocation: or for more than were allocated"
allocated -N4 -n8 --ntasks-per-node=2 "$IPCRUN" --exclude "${letter}2" sh -c "$who"
is "$status $(spread)" "0 2${letter}1 2${letter}3 2${letter}4" "allocation: --exclude"
allocated -N2 --ntasks-per-node=3 "$IPCRUN" sh -c "$who"
is "$status $(spread)" "0 3${letter}1 3${letter}2" "allocation: --ntasks-per-node"
allocated -N2 "$IPCRUN" sh -c "$who"
is "$status $(spread)" "0 1${letter}1 1${letter}2" \
    "allocation: no more ranks than CPUs where nobody asked for tasks"
allocated -N2 --exclusive -c4 "$IPCRUN" sh -c "$who"
is "$status $(spread)" "0 1${letter}1 1${letter}2" \
    "allocation: each of as many CPUs as it is to have"

allocated -N2 -n2 "$IPCRUN" -v sh -c 'echo "$SLURM_JOB_NODELIST" "${SLURM_PROCID-}" \
    "${SLURM_STEP_ID-}" "${SLURM_LOCALID-}" "$SLURM_NTASKS"'
is "$status $(sort -u "$out")" "0 ${letter}[1-2]    2" \
    "allocation: ranks are told of the job, and not of the agents' step"
like "$(grep starts "$err")" \
    "^ipcrun: 2 hosts of Slurm job [0-9]+, $letter\[1-2\], on which srun starts the agents$" \
    "allocation: -v tells which hosts there are"
allocated -N4 -n4 "$IPCRUN" --dry-run
like "$status $(<"$out")" '^0 .*of Slurm job' "allocation: --dry-run plans for it"
is "$(grep -c -e 'Network: 3 switches' -e 'network-switch ' "$out")" 2 \
    "allocation: and knows which nodes hang on the same switch of the network"
allocated -N2 -n4 "$IPCRUN" --hosts localhost:2 sh -c 'echo "${SLURMD_NODENAME-none}"'
is "$status $(paste -sd' ' "$out")" "0 none none" "allocation: --hosts names others"
allocated -N2 -n4 srun -N1 -n1 --overlap "$IPCRUN" sh -c "$who"
is "$status $(sort -n "$out" | cut -d' ' -f2 | sort -u | paste -sd' ')" "0 ${letter}1 ${letter}2" \
    "allocation: also from a step of one task"
allocated -N2 -n4 "$IPCRUN" sh -c '[ "$IPCRUN_RANK" != 3 ] || exit 7; exec sleep 60'
is "$status" 7 "allocation: the exit status is that of the first rank that failed"
like "$(<"$err")" "rank 3 .*on host ${letter}2.* status 7" \
    "allocation: which is told, with its host"
slurm exec env SLURM_NTASKS_PER_NODE=3 SLURM_DISTRIBUTION=cyclic SRUN_CPUS_PER_TASK=3 \
    SLURM_CPU_BIND=rank SLURM_EXPORT_ENV=NONE SLURM_MPI_TYPE=pmi2 SLURM_WAIT=1 SLURM_OVERCOMMIT=1 \
    salloc --quiet -N2 -n4 "$IPCRUN" sh -c "$who" >"$out" 2>"$err"
is "$? $(wc -l <"$out")" "0 4" "allocation: options for other steps, in variables, do no harm"
seq 100000 | slurm exec salloc --quiet -N2 -n4 "$IPCRUN" --stdin 3 sh -c \
    '[ "$IPCRUN_RANK" != 3 ] || md5sum' >"$out"
is "$(<"$out")" "$(seq 100000 | md5sum)" "allocation: a rank on another node has standard input"
allocated -N2 -n2 "$IPCRUN" sh -c 'yes 123456789 | head -c 10000000'
is "$status $(grep -cvx 123456789 "$out") $(wc -c <"$out")" "0 0 20000000" \
    "allocation: 20 MB from two nodes arrive whole"

allocated -N4 -n8 "$IPCRUN" "$SOURCES/examples/train.lua" --epochs 2
like "$status $(tail -n 1 "$out")" '^0 accuracy 0\.[0-9]+$' "allocation: train.lua trains"

# Scripts.
has_ended() { [[ -z $(slurm exec squeue --noheader --jobs "$number" 2>/dev/null) ]]; }
# script ARGUMENTS...: has standard input run by sbatch, to its end.
script() {
    { echo '#!/bin/sh' && cat; } >"$work/job"
    number=$(slurm exec sbatch --parsable --output="$work/job.out" "$@" "$work/job")
    within 30 has_ended
}
state_of() { slurm exec scontrol show job "$number" | grep -o "$1=[^ ]*"; }

script -N3 -n7 --ntasks-per-node=3 <<<"\"$IPCRUN\" sh -c '$who'; exec \"$IPCRUN\" sh -c 'exit 5'"
cp "$work/job.out" "$out"
is "$(grep / "$out" >"$work/ranks" && cut -d' ' -f1 "$work/ranks" | sort -n | paste -sd' ')" \
    "0/7 1/7 2/7 3/7 4/7 5/7 6/7" "allocation: a script has the ranks that it was given"
cp "$work/ranks" "$out"
is "$(spread)" "3${letter}1 2${letter}2 2${letter}3" "allocation: dealt out as srun does"
is "$(state_of ExitCode)" "ExitCode=5:0" "allocation: and it is told how the job ended"

script -N2 -n2 --array=1-3 --output="$work/array.%a" <<<"exec \"$IPCRUN\" sh -c \
    'echo \"\$SLURM_ARRAY_TASK_ID \$IPCRUN_RANK\"'"
is "$(sort "$work"/array.[123] | paste -sd,)" "1 0,1 1,2 0,2 1,3 0,3 1" \
    "allocation: each task of an array of jobs runs a job of its own"

slurm exec salloc --quiet -N4 -n4 --overcommit "$IPCRUN" "$SLURM/world.lua" >"$work/first" 2>&1 &
slurm exec salloc --quiet -N4 -n4 --overcommit "$IPCRUN" "$SLURM/world.lua" >"$work/second" 2>&1
wait $!
is "$(cut -f1,2,4 "$work/first" "$work/second" | sort | uniq -c | tr -s ' \t' ' ' | paste -sd,)" \
    " 2 0 4 10.0, 2 1 4 10.0, 2 2 4 10.0, 2 3 4 10.0" "allocation: two jobs run at a time"
allocated -N2 -n4 sh -c "'$IPCRUN' '$SLURM/world.lua' & '$IPCRUN' '$SLURM/world.lua'; wait"
is "$(cut -f1,2,4 "$out" | sort | uniq -c | tr -s ' \t' ' ' | paste -sd,)" \
    " 2 0 4 10.0, 2 1 4 10.0, 2 2 4 10.0, 2 3 4 10.0" "allocation: also two in one"
hosts_are_clean "allocation: nothing is left of them" 8
done_testing
