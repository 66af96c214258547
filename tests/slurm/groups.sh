#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Control groups outlive the processes in them. Those of a cluster's jobs are in one of its name:
#     groups.sh can          whether there can be any
#     groups.sh end NAME     removes them, when the cluster's processes end
#     groups.sh sweep        removes those of clusters whose guard was killed
set -euo pipefail

# In a mount namespace of its own: not every machine has the freezer's groups mounted.
if [[ ${1:-} != inside ]]; then
    exec unshare --mount bash "${BASH_SOURCE[0]}" inside "$@"
fi
shift
mount -t cgroup -o freezer freezer /mnt

end() {
    local folder=/mnt/$1 deadline=$((SECONDS + 15))
    while [[ -d $folder ]]; do
        # Slurm freezes a step in order to kill it. Who was killed in between must still be thawed.
        find "$folder" -name freezer.state -exec tee {} + <<<THAWED >/dev/null 2>&1 || true
        find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
        ((SECONDS < deadline)) || {
            echo "groups: cannot remove the control group $1 of the freezer" >&2
            exit 1
        }
        sleep 0.01
    done
}

sweep() {
    local folder owner
    for folder in /mnt/ipcrun-cluster.*; do
        owner=${folder#*/ipcrun-cluster.}
        [[ ! -d $folder || -e /proc/${owner%%.*} ]] || end "${folder##*/}"
    done
}

case $1 in
    can) ;;
    end | sweep) "$@" ;;
    *) exit 2 ;;
esac
