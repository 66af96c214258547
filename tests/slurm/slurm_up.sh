# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: the Slurm of the tests is what they take it for, and nothing of it remains.
source "${TAP:?is set by meson test}"
source "$SLURM/support.sh"
start_slurm 4

# Lines that begin with a rank, by rank.
by_rank() { sort -n "$out"; }

submit srun -N4 -n8 --mpi=none sh -c 'echo "$SLURM_PROCID" "$SLURMD_NODENAME"'
is "$status $(by_rank | cut -d' ' -f1 | paste -sd' ')" "0 0 1 2 3 4 5 6 7" \
    "slurm: srun starts as many tasks as it is told"
is "$(cut -d' ' -f2 "$out" | sort -u | paste -sd' ')" "${nodes[*]}" "slurm: on all nodes"

submit srun -N3 -n7 sh -c 'echo "$SLURM_PROCID" "$SLURM_NODEID" "$SLURM_TASKS_PER_NODE"'
is "$status $(cut -d' ' -f1,2 "$out" | sort -n | cut -d' ' -f2 | uniq -c | xargs)" \
    "0 4 0 2 1 1 2" "slurm: tasks that the nodes cannot share evenly are placed block by block"
is "$(cut -d' ' -f3 "$out" | sort -u)" 4,2,1 "slurm: and each is told how many there are"

submit srun -N4 -n64 --overcommit sh -c 'echo "$SLURM_PROCID"'
is "$status $(by_rank | uniq | wc -l)" "0 64" "slurm: there may be more tasks than CPUs"

submit srun -N2 sh -c 'exit $((SLURM_PROCID + 3))'
is "$status" 4 "slurm: the status of srun is the highest of its tasks"

cat >"$work/job" <<END
#!/bin/sh
#SBATCH --nodes=2 --ntasks=4 --output=$work/job.out
echo "\$SLURM_JOB_NODELIST \$SLURM_NTASKS \$SLURMD_NODENAME"
srun sh -c 'echo "\$SLURM_PROCID"' | sort | paste -sd' '
exit 5
END
submit sbatch --parsable "$work/job"
number=$(<"$out")
has_ended() { [[ $(slurm exec scontrol show job "$number") =~ JobState=FAILED.*ExitCode=5:0 ]]; }
ok "slurm: sbatch runs a script, whose status is kept" within 15 has_ended
is "$(paste -sd' ' "$work/job.out")" "${nodes[0]:0:1}[1-2] 4 ${nodes[0]} 0 1 2 3" \
    "slurm: that runs on the first of its nodes, and steps from there"

submit salloc -N2 -n2 sh -c 'hostname; srun sh -c "echo \$SLURMD_NODENAME" | sort'
is "$status $(paste -sd' ' "$out")" "0 h1 ${nodes[0]} ${nodes[1]}" \
    "slurm: salloc runs a command where it is called"

submit setpriv --reuid 65534 --clear-groups srun -D / -N4 id -u
is "$status $(sort -u "$out")" "0 65534" "slurm: any user may run jobs"

submit srun -N4 sh -c '(setsid sleep 60 &) >/dev/null 2>&1'
is "$status" 0 "slurm: a step ends with its tasks"
hosts_are_clean "slurm: and takes along whom they leave" 8

begin h1 srun -N4 sh -c '(setsid sleep 60 &) >/dev/null 2>&1; echo up; sleep 60'
are_up() { [[ $(grep -c up "$out") == 4 ]]; }
ok "slurm: tasks run until they are cancelled" within 10 are_up
slurm exec scancel --user=root
ended
like "$status" '^1[0-9][0-9]$' "slurm: srun tells of a job that is cancelled"
hosts_are_clean "slurm: of which nothing is left" 8

# What tests of jobs can rely on, and what differs between the modes.
submit srun -N4 sh -c 'hostname; cat /proc/sys/kernel/random/boot_id'
is "$status $(sort -u "$out" | wc -l)" "0 $([[ $SLURM_MODE == hosts ]] && echo 5 || echo 2)" \
    "slurm: nodes are hosts of their own, or all the same one ($SLURM_MODE)"
submit srun --mpi=list
echo "# $(paste -sd' ' "$out" "$err" | tr -s '\t ' ' ')"
like "$(cat "$out" "$err")" 'none' "slurm: tasks can be started without PMI"
like "$(cat "$out" "$err")" 'pmi2' "slurm: and with it"
submit srun -N4 -n8 --mpi=pmi2 sh -c 'echo "$PMI_RANK" "$PMI_SIZE" "${PMI_FD:+fd}"'
is "$status $(by_rank | paste -sd,)" "0 $(printf '%s 8 fd\n' {0..7} | paste -sd,)" \
    "slurm: whose socket each task has"

# Another one at the same time, with the same names of nodes.
mine=$IPCRUN_CLUSTER
sleep 60 &
owner=$!
other=$(slurm up $owner "$SLURM_MODE" 2)
like "$(IPCRUN_CLUSTER=$other slurm exec srun -N2 sh -c 'echo "$SLURM_JOB_ID"' | paste -sd' ')" \
    '^([0-9]+) \1$' "slurm: another one runs beside it"
begin h1 srun -N4 sh -c 'echo up; exec sleep 60'
within 10 are_up
export IPCRUN_CLUSTER=$other
slurm exec srun -N2 sh -c 'touch "$0/started"; exec sleep 60' "$other" >/dev/null 2>&1 &
is_started() { [[ -e $other/started ]]; }
within 10 is_started
count_groups() {
    unshare --mount sh -c 'mount -t cgroup -o freezer freezer /mnt && ls /mnt' |
        grep -c -x -F "${1##*/}"
}
is "$(count_groups "$other")" 1 "slurm: its jobs are in control groups of its own"
kill -KILL $owner
wait $owner 2>/dev/null
is_gone() { [[ ! -e $other ]]; }
ok "slurm: it ends with its owner" within 10 is_gone
wait $! 2>/dev/null
is "$(count_groups "$other")" 0 "slurm: and leaves no control group"
IPCRUN_CLUSTER=$mine
ok "slurm: others are not disturbed" kill -0 "$job"
slurm exec scancel --user=root
ended
is "$(wc -l <"$out")" 4 "slurm: nor their jobs"
hosts_are_clean "slurm: these end when they are told" 8

servers=$(pgrep -d' ' -x 'munged|slurmctld|slurmscriptd|slurmd' --nslist pid \
    --ns "$(<"$mine/h1.pid")")
like "$servers" '^([0-9]+ ){3,}[0-9]+$' "slurm: servers run until then"
slurm down
ok "slurm: nothing is left at the end" test ! -e "$mine"
is "$(count_groups "$mine")" 0 "slurm: no control group either"
is "$(ps -o pid=,args= -p "$servers")" "" "slurm: nor a server"
trap cleanup EXIT
done_testing
