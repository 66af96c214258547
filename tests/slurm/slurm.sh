#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real Slurm on the pretend hosts of tests/cluster, for tests of jobs under it. README.md says
# what its nodes share.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
patience=15 # seconds for nodes to come up

usage() {
    cat <<'END'
usage: slurm.sh COMMAND [ARGUMENTS]
  can                        nothing where there can be a Slurm; else says why not, and fails
  up PID MODE N [FOLDER...]  starts one of N nodes, on hosts that see these folders, and prints
                             the cluster's own; all ends with the process PID, at the latest.
                             MODE is `hosts` (h1 to hN, each on the host of its name) or `local`
                             (n1 to nN, all on the host h1)
  exec COMMAND...            runs COMMAND on h1, where slurmctld is and jobs are submitted
  left                       pids of what runs on any host beside the hosts' and Slurm's servers
  down                       ends Slurm, its jobs and its hosts
IPCRUN_CLUSTER names the cluster's folder for all commands after `up`; cluster.sh has more of them.
END
}

die() {
    echo "slurm: $*" >&2
    exit 1
}

cluster() { bash "$here/../cluster/cluster.sh" "$@"; }
groups() { bash "$here/groups.sh" "$@"; }

can() {
    local tool
    cluster can
    for tool in munged slurmctld slurmd srun sbatch scancel sinfo; do
        command -v "$tool" >/dev/null || die "there is no $tool (Debian: slurm-wlm, munge)"
    done
    [[ -d /etc/slurm ]] || die "there is no folder /etc/slurm, where Slurm's files are to be seen"
    groups can || die "this machine does not let us mount the control groups of the freezer"
}

# Nothing that is slow in order to spare a large cluster, and CPUs that this machine need not have.
write_configuration() {
    local mode=$1 nodes=$2
    cat <<END
ClusterName=ipcrun
SlurmctldHost=h1
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
MailProg=/bin/true
StateSaveLocation=$IPCRUN_CLUSTER/slurm/state
SlurmdSpoolDir=/run/slurm/%n
TmpFS=/run/slurm/%n.tmp
SlurmctldPidFile=/run/slurm/slurmctld.pid
SlurmdPidFile=/run/slurm/%n.pid
SlurmctldLogFile=$IPCRUN_CLUSTER/slurm/log/slurmctld
SlurmdLogFile=$IPCRUN_CLUSTER/slurm/log/%n
ProctrackType=proctrack/cgroup
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
TopologyPlugin=topology/tree
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
ReturnToService=2
KillWait=5
SlurmctldTimeout=30
SlurmdTimeout=30
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE OverSubscribe=YES
END
    if [[ $mode == hosts ]]; then
        ((nodes == 1)) || echo "NodeName=h[1-$((nodes - 1))] CPUs=4 RealMemory=1000"
        echo "NodeName=h$nodes CPUs=${SLURM_LAST_CPUS:-4} RealMemory=1000"
    else
        echo "NodeName=n[1-$nodes] NodeHostname=h1 NodeAddr=h1 Port=7001-$((7000 + nodes))" \
            "CPUs=4 RealMemory=1000"
    fi
}

# Every two nodes hang on a switch of their own, and all of these on one.
write_network() {
    local letter=$1 nodes=$2 first last count=0
    for ((first = 1; first <= nodes; first += 2)); do
        last=$((first < nodes ? first + 1 : nodes))
        echo "SwitchName=s$((++count)) Nodes=${letter}[$first-$last]"
    done
    echo "SwitchName=s0 Switches=s[1-$count]"
}

# The servers must not bear the mark of whoever starts them: tests look for what is left.
start_on() {
    env -i PATH="$PATH" IPCRUN_CLUSTER="$IPCRUN_CLUSTER" \
        bash "$here/../cluster/cluster.sh" exec "$1" bash -s -- "${@:2}" <"$here/node.sh"
}

start_on_all() {
    local host pid pids=()
    for host in "$IPCRUN_CLUSTER"/h*.pid; do
        start_on "$(basename "$host" .pid)" "$@" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
}

wait_for_nodes() {
    # shellcheck disable=SC2016
    timeout $patience bash "$here/slurm.sh" exec sh -c 'until
        [ "$(sinfo --noheader --Node --states=idle --format=%N 2>/dev/null | wc -l)" = "$1" ]
        do sleep 0.02; done' sh "$1" || die "nodes did not come up within $patience s"
}

give_up() {
    tail -n 20 "$IPCRUN_CLUSTER"/log "$IPCRUN_CLUSTER"/slurm/log/* >&2
    down
}

up() {
    local owner=$1 mode=$2 nodes=$3 hosts=1 names=() files letter=h
    [[ $mode == hosts || $mode == local ]] || die "there is no mode '$mode'; it is hosts or local"
    can
    groups sweep
    if [[ $mode == hosts ]]; then
        hosts=$nodes
    else
        letter=n
        mapfile -t names < <(seq --format 'n%g' "$nodes")
    fi
    IPCRUN_CLUSTER=$(cluster up "$owner" "$hosts" "${@:4}")
    export IPCRUN_CLUSTER
    trap give_up EXIT
    printf '#!/bin/sh\nexec bash "%s" end "%s"\n' "$here/groups.sh" "${IPCRUN_CLUSTER##*/}" \
        >"$IPCRUN_CLUSTER/at_end"
    chmod +x "$IPCRUN_CLUSTER/at_end"
    files=$IPCRUN_CLUSTER/slurm
    mkdir -p "$files/configuration" "$files/state" "$files/log"
    write_configuration "$mode" "$nodes" >"$files/configuration/slurm.conf"
    printf '%s\n' CgroupPlugin=cgroup/v1 CgroupMountpoint=/run/groups CgroupAutomount=no \
        >"$files/configuration/cgroup.conf"
    write_network "$letter" "$nodes" >"$files/configuration/topology.conf"
    (umask 077 && head -c 128 /dev/urandom >"$files/munge.key")

    start_on_all prepare "$IPCRUN_CLUSTER" "${names[@]}"
    start_on h1 control
    start_on_all serve "${names[@]}"
    wait_for_nodes "$nodes"
    trap - EXIT
    echo "$IPCRUN_CLUSTER"
}

# Servers have no end of their own here: the kernel ends all that is on hosts, jobs too.
down() { cluster down; }

left() {
    local host pid name
    for host in "$IPCRUN_CLUSTER"/h*.pid; do
        for pid in $(cluster left "$(basename "$host" .pid)"); do
            { read -r name <"/proc/$pid/comm"; } 2>/dev/null || continue # it has ended
            [[ $name =~ ^(munged|slurmctld|slurmscriptd|slurmd)$ ]] || echo "$pid"
        done
    done
}

command=${1:-}
shift || true
case $command in
    can | up | left | down) "$command" "$@" ;;
    exec) cluster exec h1 "$@" ;;
    *)
        usage >&2
        exit 2
        ;;
esac
