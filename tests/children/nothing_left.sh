# SPDX-License-Identifier: Apache-2.0
# Proves: within a second nothing is left of a process that started children, nor of theirs, when it
# is killed, with its agent or without, and also when a fork of it lives on.
source "${TAP:?is set by meson test}"

# begin VERB...: runs the child program as a parent, as $job, until it says that it is ready.
begin() {
    : >"$out"
    "$CHILD" "$@" >"$out" 2>"$err" &
    job=$!
    within 10 grep -q ready "$out" || not_ok "the family is up: $*"
}
job_status() { status=0; wait "$job" 2>/dev/null || status=$?; }
agent_of() { env -u IPCRUN_TEST_MARK ps -o pid= --ppid "$1" | tr -d ' '; }

begin family 3
ok "a child and its grandchild each, a parent and its agent" test "$(marked | wc -l)" -ge 8
kill -KILL "$job"
nothing_left "after kill -9 of the parent"
job_status

begin family 3
kill -TERM "$job"
nothing_left "after its end by TERM"
job_status

begin family 2
agent=$(agent_of "$job")
kill -TERM "$agent"
kill -INT "$agent"
kill -HUP "$agent"
ok "the agent ignores what terminals send" test "$(marked | wc -l)" -ge 6
kill -KILL "$job"
nothing_left "and has ended all children after its parent"
job_status

begin nested-family 3
# A parent and its agent four times, a child and its grandchild.
ok "four families in one another" test "$(marked | wc -l)" -ge 10
kill -KILL "$job"
nothing_left "after kill -9 of the first parent"
job_status

begin forked-family 2
copy=$(grep -o '[0-9]*' "$out")
only_the_copy_is_left() { [[ $(marked) == "$copy" ]]; }
kill -KILL "$job"
ok "a fork of the parent does not keep its children alive" within 1 only_the_copy_is_left
kill -KILL "$copy"
nothing_left "and the fork is not theirs"
job_status

run "$AGENT"
is "$status" 2 "the agent is not for people to call"
like "$(<"$err")" "^ipcrun-agent: .*'parallel'" "and says who does"
is "$(wc -l <"$err")" 1 "in one line"
is "$(ldd "$AGENT" | grep -oE 'hwloc|liblua|openblas')" "" "it is linked with nothing that is slow"

if [[ -n ${IPCRUN_TEST_UID:-} ]]; then
    run "$CHILDREN_TEST"
    is "$status" 0 "all tests of children pass as an ordinary user" || sed 's/^/# /' "$out"
fi

done_testing
