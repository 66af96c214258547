#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Writes down what the nodes of a cluster look like, a file for each kind of them, so that
# `ipcrun --dry-run --topology` can plan jobs for them from anywhere.
set -euo pipefail

usage() {
    cat <<'END'
usage: collect-topology.sh FOLDER [OPTIONS OF SRUN]
  In an allocation it looks at all of its nodes; else it asks for those that the options name:
    collect-topology.sh topology --partition=gpu --nodes=64
  FOLDER has to be one that all nodes see. For each kind of node it gets NODE.xml, named after the
  first node that is of it. What to say to ipcrun is printed at the end.
  Each node needs lstopo-no-graphics or lstopo, of the package hwloc (Debian: hwloc-nox).
END
}

die() {
    echo "collect-topology: $*" >&2
    exit 1
}

# Runs on every node. The name is that of Slurm.
# shellcheck disable=SC2016
on_node='
    for tool in lstopo-no-graphics lstopo; do
        command -v "$tool" >/dev/null && break
        tool=
    done
    if [ -z "$tool" ]; then
        echo "node $SLURMD_NODENAME has no lstopo (Debian: hwloc-nox)" >&2
        exit 3
    fi
    cd "$1" && "$tool" --of xml --whole-system >"$SLURMD_NODENAME.part" &&
        mv "$SLURMD_NODENAME.part" "$SLURMD_NODENAME.xml"'

# What differs between nodes of one kind: names, addresses, serial numbers, memory that firmware
# takes, and which processors a job may use.
kind_of() {
    sed -E -e '/<info name="[^"]*(Name|Version|Serial|UUID|Address|Release|GUID|LID)[^"]*"/d' \
        -e 's/ (local_memory|count|name|allowed_[a-z]*)="[^"]*"//g' "$1" | cksum
}

[[ $# -gt 0 && $1 != -* ]] || {
    usage
    [[ ${1-} == --help || ${1-} == -h ]] && exit
    exit 2
}
command -v srun >/dev/null || die "there is no srun here: call it where jobs are submitted"
folder=$1
shift
mkdir -p "$folder" || die "cannot make the folder $folder"
folder=$(readlink -f "$folder")
new=$(mktemp -d "$folder/.new.XXXXXX")
trap 'rm -rf "$new"' EXIT

# With nodes of its own it must not wait for processors that the script itself has.
[[ -z ${SLURM_JOB_ID-} ]] || set -- --overlap --nodes="$SLURM_JOB_NUM_NODES" "$@"
# A step that is killed at the first failure may take along what that node had to say.
env -u SLURM_NTASKS -u SLURM_NPROCS -u SLURM_NTASKS_PER_NODE srun --quiet --mpi=none \
    --ntasks-per-node=1 --kill-on-bad-exit=0 "$@" sh -c "$on_node" sh "$new" ||
    die "srun has failed, see above; the folder $folder is as it was"

declare -A first count
for file in "$new"/*.xml; do
    [[ -s $file ]] || die "no node has written to $new: is $folder on a file system of all nodes?"
    kind=$(kind_of "$file")
    if [[ -z ${first[$kind]-} ]]; then
        first[$kind]=$(basename "$file")
        mv "$file" "$folder/"
    fi
    count[$kind]=$((${count[$kind]-0} + 1))
done

for kind in "${!first[@]}"; do
    printf '%s*%d\n' "$folder/${first[$kind]}" "${count[$kind]}"
done | sort | paste -sd, | sed "s/.*/ipcrun --dry-run --topology '&'/"
