# SPDX-License-Identifier: Apache-2.0
# Proves: a dry run shows the plan in every form and starts nothing; a job is what its plan says.
source "${TAP:?is set by meson test}"

touch_it=(touch "$work/started")

run "$IPCRUN" --dry-run -n 3 "${touch_it[@]}"
is "$status" 0 "a dry run ends well"
like "$(<"$out")" "3 ranks on 1 host: touch " "and shows ranks and program"
like "$(<"$out")" "proven optimal|times the lower bound" "and how good the tree is"
ok "and starts nothing" test ! -e "$work/started"
ok "on one screen" test "$(wc -l <"$out")" -le 50
run "$IPCRUN" --dry-run -n 2
is "$status" 0 "a dry run needs no program"

run "$IPCRUN" --json -n 3 "${touch_it[@]}"
like "$(<"$out")" '^\{.*"version": 1,.*"ranks": 3,.*\}$' "--json is one object"
ok "and starts nothing, too" test ! -e "$work/started"

run "$IPCRUN" --picture "$work/plan.svg" -n 3
like "$(<"$work/plan.svg")" "^<(svg|\?xml).*</svg>$" "--picture draws a file"
run "$IPCRUN" --explain 64K -n 2
like "$(<"$out")" "64 KiB" "--explain tells of the size"
like "$(<"$out")" "work-sharing" "and of algorithms"

# Hosts that are named say themselves what they are.
run "$IPCRUN" --dry-run --hosts localhost:3 "${touch_it[@]}"
is "$status" 0 "a dry run for this host by its name ends well"
like "$(<"$out")" "3 ranks on 1 host: touch .*--hosts localhost:3" "and shows ranks and option"
like "$(<"$out")" "localhost \(of --hosts\)" "and where the machine comes from"
ok "and starts nothing" test ! -e "$work/started"
nothing_left "and its agent is gone"
run env IPCRUN_HOSTS=localhost:2 "$IPCRUN" --json
like "$(<"$out")" '"source": "of IPCRUN_HOSTS".*"ranks": 2,' "the variable names hosts as well"
echo "localhost slots=4 # ours" >"$work/hosts"
run "$IPCRUN" --dry-run --hostfile "$work/hosts"
like "$(<"$out")" "4 ranks on 1 host.*--hostfile $work/hosts" "and so does a file"
run env IPCRUN_HOSTS=localhost:2 "$IPCRUN" --dry-run --topology "core:4 pu:1*2"
like "$(<"$out")" "8 ranks on 2 hosts" "what is described goes before the variable"

# The million: a summary, and soon.
run "$IPCRUN" --dry-run -n 1048576 --topology "pack:2 l3:8 core:8 pu:1*8192"
is "$status" 0 "a million ranks are planned for"
ok "and shown in bounds" test "$(wc -c <"$out")" -le 20000

# A described machine that is a part of this one can be run on.
list=$("$IPCRUN" -n 1 grep Cpus_allowed_list /proc/self/status)
cpu=${list//[!0-9,-]/}
cpu=${cpu%%[,-]*}
if [[ $cpu == 0 ]]; then
    run "$IPCRUN" --topology "core:1 pu:1" -n 2 --report-bindings true
    is "$(grep -c 'cpus 0,' "$err")" 2 "ranks are placed on what was described"
else
    echo "# CPU 0 is not ours: a described machine cannot be run on"
fi

# The tree of a job is the planned one.
cat >"$work/tree.lua" <<'END'
local ipc = require "ipc"
local tree = ipc.tree()
local parents = ipc.world():gather((tree.parent or 0) - 1, 0)
if ipc.world().rank == 0 then
  local list = {}
  for rank = 1, #parents do list[rank] = ("%d"):format(parents[rank]) end
  print(table.concat(list, ","))
end
END
for ranks in 1 2 5 8; do
    run "$IPCRUN" --json -n "$ranks"
    planned=$(tr -d ' \n' <"$out" | sed 's/.*"parents":\[\([-0-9,]*\)\].*/\1/')
    run "$IPCRUN" -n "$ranks" "$work/tree.lua"
    is "$(<"$out")" "$planned" "$ranks ranks have the tree of their plan"
done

done_testing
