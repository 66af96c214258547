# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Slurm's servers on one host, which read this from their standard input:
#     node.sh prepare CLUSTER [NODE...]    what all of them need
#     node.sh control                      slurmctld
#     node.sh serve [NODE...]              slurmd, one a node
# A host that is told no node is the one of its name.
set -euo pipefail

# Slurm keeps the processes of a step together in control groups, which it names after the node.
# Those of one kernel are common to all its hosts, and to whoever else runs a Slurm: each node's
# are put into a place of the cluster's own, at a root of which Slurm uses these three files.
make_groups() {
    local cluster=$1 root=/run/groups/freezer node own file
    mkdir /run/groups
    mount -t tmpfs groups /run/groups
    mkdir /run/groups/all "$root"
    mount -t cgroup -o freezer freezer /run/groups/all
    : >"$root/release_agent"
    : >"$root/cgroup.procs"
    : >"$root/tasks"
    own=/run/groups/all/${cluster##*/}
    for node in "${@:2}"; do
        mkdir -p "$own/$node" "$root/slurm_$node"
        mount --bind "$own/$node" "$root/slurm_$node"
    done
    for file in cgroup.procs tasks; do mount --bind "$own/$file" "$root/$file"; done
}

prepare() {
    local cluster=$1 node
    shift
    (($#)) || set -- "$(hostname)"
    mkdir /run/munge /run/slurm
    for node; do mkdir --mode=1777 "/run/slurm/$node.tmp"; done
    make_groups "$cluster" "$@"
    mount --bind "$cluster/slurm/configuration" /etc/slurm
    cp "$cluster/slurm/munge.key" /run/munge/key
    munged --key-file=/run/munge/key --seed-file=/run/munge/seed \
        --pid-file=/run/munge/pid --log-file=/run/munge/log
}

control() { slurmctld -i; } # there is no state of a former run to be read

serve() {
    local node
    (($#)) || set -- "$(hostname)"
    for node; do slurmd -N "$node"; done
}

"$@" </dev/null
