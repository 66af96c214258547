# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034  # `status` is for those who source this
# Tests of real processes in bash, reported in TAP. A test sources this file first and ends with
# `done_testing`. With IPCRUN_TEST_UID set it runs as that user, and is skipped where it cannot.
#
#     run COMMAND...            runs it; sets $status, and the files $out and $err
#     is ACTUAL EXPECTED NAME   one test point; also: ok NAME [COMMAND...], like TEXT REGEX NAME
#     within SECONDS COMMAND    waits until COMMAND succeeds; fails when it has not by then
#     marked                    the pids that carry this test's mark in their environment
#     nothing_left NAME         within a second nobody carries it any more
set -u

# Whoever runs the tests may ignore signals, in the background or under nohup; bash cannot undo it.
if [[ -z ${TAP_SIGNALS_ARE_DEFAULT:-} ]]; then
    TAP_SIGNALS_ARE_DEFAULT=1 exec env --default-signal bash "$0" "$@"
fi
unset TAP_SIGNALS_ARE_DEFAULT

if [[ -n ${IPCRUN_TEST_UID:-} && $(id -u) != "$IPCRUN_TEST_UID" ]]; then
    if [[ $(id -u) != 0 ]] || ! setpriv --reuid "$IPCRUN_TEST_UID" --clear-groups \
        test -x "$IPCRUN" -a -r "$0" 2>/dev/null; then
        echo "1..0 # SKIP cannot become the user $IPCRUN_TEST_UID, or it cannot read the build"
        exit 0
    fi
    exec setpriv --reuid "$IPCRUN_TEST_UID" --regid "$IPCRUN_TEST_UID" --clear-groups \
        env TAP_SIGNALS_ARE_DEFAULT=1 bash "$0" "$@"
fi

tests_run=0
tests_failed=0
work=$(mktemp -d)
out=$work/out
err=$work/err
status=0
export IPCRUN_TEST_MARK="mark-$$-$RANDOM"

cleanup() {
    local pids
    pids=$(marked)
    [[ -z $pids ]] || kill -KILL $pids 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT

ok() {
    local name=$1
    shift
    ((++tests_run))
    if [[ $# -eq 0 ]] || "$@"; then
        echo "ok $tests_run - $name"
    else
        ((++tests_failed))
        echo "not ok $tests_run - $name"
        [[ $# -eq 0 ]] || echo "# failed: $*"
        return 1
    fi
}

not_ok() { ok "$1" false; }

is() {
    if [[ $1 == "$2" ]]; then
        ok "$3"
    else
        not_ok "$3"
        echo "# got:      '${1:0:2000}'" | sed '2,$s/^/# /'
        echo "# expected: '${2:0:2000}'" | sed '2,$s/^/# /'
    fi
}

like() {
    if [[ $1 =~ $2 ]]; then
        ok "$3"
    else
        not_ok "$3"
        echo "# got:      '${1:0:2000}'" | sed '2,$s/^/# /'
        echo "# expected a match of: $2"
    fi
}

run() {
    status=0
    timeout --signal=KILL 30 "$@" >"$out" 2>"$err" || status=$?
}

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

within() {
    local seconds=$1 start
    shift
    start=$(now_ms)
    until "$@"; do
        (($(now_ms) - start < seconds * 1000)) || return 1
        sleep 0.01
    done
}

# /proc shows the environment that a program was executed with: this shell's has no mark yet.
marked() {
    env -u IPCRUN_TEST_MARK grep -lsaz "^IPCRUN_TEST_MARK=$IPCRUN_TEST_MARK" /proc/[0-9]*/environ |
        env -u IPCRUN_TEST_MARK grep -o '[0-9]*'
}

is_nothing_left() { [[ -z $(marked) ]]; }

nothing_left() {
    within 1 is_nothing_left || {
        not_ok "$1"
        ps -o pid,ppid,pgid,stat,args -p "$(marked | paste -sd,)" | sed 's/^/# /'
        return
    }
    ok "$1"
}

done_testing() {
    echo "1..$tests_run"
    exit $((tests_failed > 0))
}
