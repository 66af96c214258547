# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: in an allocation of Slurm ranks get the signals and the time that Slurm gives, whatever
# ends is told, with its host, and nothing is left.
source "${TAP:?is set by meson test}"
source "$SLURM/support.sh"
start_slurm 4

# In the file `said` ranks say what they hear; on SIGTERM they take two seconds to end.
said=$work/said
cat >"$work/rank" <<END
trap 'echo "\$IPCRUN_RANK TERM" >>"$said"; sleep 2; echo "\$IPCRUN_RANK bye" >>"$said"; exit 0' TERM
trap 'echo "\$IPCRUN_RANK USR1" >>"$said"' USR1
echo "\$IPCRUN_RANK up" >>"$said"
while :; do sleep 0.1; done
END
# Of a job of four ranks.
all_say() { [[ $(sort "$said" 2>/dev/null | grep -c " $1$") == 4 ]]; }
words() { cut -d' ' -f2 "$said" | sort | uniq -c | tr -s ' ' | paste -sd,; }
# Four of them on two nodes, which are up. What is given is for ipcrun.
begin_ranks() {
    : >"$said"
    begin h1 salloc --quiet -N2 -n4 -w "${nodes[0]},${nodes[1]}" "$IPCRUN" "$@" bash "$work/rank"
    within 15 all_say up
}
# agents NODE: pids, as they are here, of the guard of the agent there and of the agent.
agents() {
    local host=$1 pid pids=()
    [[ $SLURM_MODE == hosts ]] || host=h1
    for pid in $(pgrep --full '^[^ ]*/ipcrun --slurm-agent' --nslist pid \
        --ns "$(<"$IPCRUN_CLUSTER/$host.pid")"); do
        grep -qsxz "SLURMD_NODENAME=$1" "/proc/$pid/environ" && pids+=("$pid")
    done
    # The guard is the other's parent.
    [[ $(ps -o ppid= -p "${pids[0]}") -ne ${pids[1]} ]] || pids=("${pids[1]}" "${pids[0]}")
    echo "${pids[@]}"
}
pid_of_launcher() { pgrep --parent "$(launcher)"; }
pid_of_guard() { agents "$1" | cut -d' ' -f1; }
pid_of_agent() { agents "$1" | cut -d' ' -f2; }

begin_ranks
slurm exec scancel --signal=USR1 --user=root
ok "faults: a signal of scancel's is for the ranks" within 5 all_say USR1
slurm exec scancel --user=root
ended
is "$status $(words)" "143  4 TERM, 4 USR1, 4 bye, 4 up" \
    "faults: a job that is cancelled has the time that Slurm gives it"
hosts_are_clean "faults: and leaves nothing" 8

# The script, and the launcher in it, are killed at once.
printf '#!/bin/sh\n"%s" bash "%s"\n' "$IPCRUN" "$work/rank" >"$work/job"
: >"$said"
slurm exec sbatch --output=/dev/null -N2 -n4 -w "${nodes[0]},${nodes[1]}" "$work/job" >"$out"
within 15 all_say up
slurm exec scancel --user=root
ok "faults: so do the ranks of a script's, which is killed at once" within 8 all_say bye
is "$(words)" " 4 TERM, 4 bye, 4 up" "faults: they are told once"
hosts_are_clean "faults: and they leave nothing" 12

sed -i 's/^"/exec "/' "$work/job"
: >"$said"
slurm exec sbatch --output=/dev/null -N2 -n4 -w "${nodes[0]},${nodes[1]}" "$work/job" >"$out"
within 15 all_say up
slurm exec scancel --user=root
ok "faults: and of a script that has become the launcher" within 8 all_say bye
is "$(words)" " 4 TERM, 4 bye, 4 up" "faults: which hears it, too"
hosts_are_clean "faults: and leaves nothing either" 12

begin_ranks
kill -KILL "$(pid_of_agent "${nodes[1]}")"
ended
is "$status" 1 "faults: the job ends when an agent is killed"
like "$(<"$err")" "the agent on host ${nodes[1]} .*; the job has been ended" \
    "faults: of whom it tells"
hosts_are_clean "faults: nothing is left of that job" 8

begin_ranks
kill -KILL "$(pid_of_guard "${nodes[1]}")"
ended
is "$status" 1 "faults: so it does when its guard is killed"
like "$(<"$err")" "the agent on host ${nodes[1]} " "faults: which is told"
hosts_are_clean "faults: nothing is left of that one" 8

# Whom Slurm does not miss. The grace is for all to say so, and none to end by itself.
begin_ranks --grace 1.5
kill -KILL "$(ps -o ppid= -p "$(pid_of_guard "${nodes[1]}")" | tr -d ' ')"
kill -TERM "$(pid_of_launcher)"
ended
is "$status $(words)" "143  4 TERM, 4 up" \
    "faults: without Slurm's own process on a node the job runs on, and ends as others do"
hosts_are_clean "faults: and leaves nothing behind" 12

begin_ranks
kill -KILL "$(pid_of_launcher)"
ended
hosts_are_clean "faults: a launcher that is killed leaves nothing" 8

if [[ $SLURM_MODE == hosts ]]; then
    : >"$said"
    begin h1 salloc --quiet -N2 -n2 -w h3,h4 "$IPCRUN" --host-timeout 2 \
        sh -c 'echo up; exec sleep 60'
    are_up() { [[ $(grep -c up "$out") == 2 ]]; }
    within 15 are_up
    cluster kill h4
    ended
    like "$(<"$err")" 'host h4 has been silent for 2 s.*; the job has been ended' \
        "faults: a host that dies is told, long before Slurm knows"
fi

# Strangers, at the port that agents call, before these are there.
mkdir "$work/bin"
cat >"$work/bin/srun" <<END
#!/bin/bash
port=\$(ss -Hltnp | sed -En \
    's/.* (\*|0\.0\.0\.0|\[::\]):([0-9]+) .*\(\("ipcrun",pid=[0-9]+,fd=[0-9]+\)\).*/\2/p')
echo "\$port" >"$work/port"
exec 5<>"/dev/tcp/127.0.0.1/\$port" 6<>"/dev/tcp/127.0.0.1/\$port"
echo rubbish >&6
PATH=\${PATH#*:} exec srun "\$@"
END
chmod +x "$work/bin/srun"
echo "[ \"\$IPCRUN_RANK\" != 0 ] || ss -Hltn | grep -c \":\$(cat '$work/port') \"; true" \
    >"$work/look"
submit salloc --quiet -N2 -n4 -w "${nodes[0]},${nodes[1]}" \
    env PATH="$work/bin:$PATH" "$IPCRUN" sh "$work/look"
like "$(<"$work/port")" '^[0-9]+$' "faults: agents are waited for at one port"
is "$status $(<"$out") $(<"$err")" "0 0 " \
    "faults: strangers there change nothing, and it is closed when all agents are there"

# What there is to be said when it does not begin.
submit salloc --quiet -N2 -n4 env PATH=/nowhere "$IPCRUN" /bin/true
is "$status $(<"$err")" "2 ipcrun: start the agents on the nodes of the Slurm job: program 'srun' \
not found in PATH; name the hosts by --hosts to reach them by ssh" "faults: there is no srun"
submit salloc --quiet -N2 -n4 "$IPCRUN" --agent-path /nowhere/ipcrun true
is "$status" 1 "faults: there is no ipcrun where it is looked for"
began="^ipcrun: start the agent on host ${nodes[0]:0:1}[1-4]:"
like "$(<"$err")" "$began (it|srun) has ended .*/nowhere/ipcrun" \
    "faults: which is told, with the host and what Slurm says"
submit env SLURM_JOB_ID=4711 "SLURM_JOB_NODELIST=${nodes[0]}" "$IPCRUN" true
is "$status" 1 "faults: there is no such job"
like "$(<"$err")" "$began srun has ended with .*srun says: .*srun: error" \
    "faults: srun says why it has failed"
submit env SLURM_JOB_ID=4711 'SLURM_JOB_NODELIST=h[1-' "$IPCRUN" true
like "$status $(<"$err")" '^2 ipcrun: variable SLURM_JOB_NODELIST: ' \
    "faults: what is no list of nodes"
hosts_are_clean "faults: nothing is left in the end" 8
done_testing
