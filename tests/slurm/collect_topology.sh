# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2012,SC2016,SC2154
# Proves: collect-topology.sh writes a file for each kind of node, which ipcrun can plan with, or
# says what is missing and changes nothing.
source "${TAP:?is set by meson test}"
source "$SLURM/support.sh"
start_slurm 3

collect=$SOURCES/scripts/slurm/collect-topology.sh
# In the place of hwloc's: two kinds of nodes, each with its name in it.
mkdir "$work/bin"
cat >"$work/bin/lstopo-no-graphics" <<END
#!/bin/sh
[ "\$*" = "--of xml --whole-system" ] || exit 9
kind=two_packages
case \$SLURMD_NODENAME in *2) kind=nvswitch ;; esac
sed "s/\\(<info name=\\"HostName\\" value=\\"\\)[^\\"]*/\\1\$SLURMD_NODENAME/" \
    "$SOURCES/tests/topology/machines/\$kind.xml"
END
chmod +x "$work/bin/lstopo-no-graphics"

submit bash "$collect" --help
is "$status $(head -n 1 "$out")" "0 usage: collect-topology.sh FOLDER [OPTIONS OF SRUN]" \
    "topology: it says how it is called"
submit bash "$collect"
is "$status" 2 "topology: without a folder it does nothing"

submit env PATH=/usr/bin:/bin sh -c 'command -v lstopo-no-graphics lstopo'
if [[ $status == 0 ]]; then
    ok "topology: a node without lstopo says so # SKIP this machine has it"
else
    submit bash "$collect" "$work/none" --nodes=2
    like "$status $(<"$err")" '^1 .*node [hn][12] has no lstopo \(Debian: hwloc-nox\)' \
        "topology: a node without lstopo says so"
    is "$(ls -A "$work/none")" "" "topology: and nothing is written"
fi

export PATH=$work/bin:$PATH
submit bash "$collect" "$work/all" --nodes=3
is "$status $(ls -A "$work/all" | paste -sd' ')" "0 ${nodes[0]}.xml ${nodes[1]}.xml" \
    "topology: a file for each kind of node" || cat "$err"
is "$(<"$out")" \
    "ipcrun --dry-run --topology '$work/all/${nodes[0]}.xml*2,$work/all/${nodes[1]}.xml*1'" \
    "topology: and what to say to ipcrun"
arguments=$(sed "s/.*--topology '//; s/'\$//" "$out")
run "$IPCRUN" --dry-run --topology "$arguments"
is "$status" 0 "topology: which plans with it" || cat "$err"

submit salloc --quiet -N2 -n8 bash "$collect" "$work/own"
is "$status $(ls -A "$work/own" | paste -sd' ')" "0 ${nodes[0]}.xml ${nodes[1]}.xml" \
    "topology: in an allocation it looks at all of its nodes" || cat "$err"
hosts_are_clean "topology: nothing is left" 8
done_testing
