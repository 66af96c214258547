# SPDX-License-Identifier: Apache-2.0
# Proves: output comes in whole lines, nothing is lost, a reader that stalls or goes away is
# treated as for any program, and the descriptors that ipcrun shares keep their flags.
source "${TAP:?is set by meson test}"

cat >"$work/lines" <<'END'
#!/bin/bash
# Writes lines in pieces, so that a careless launcher would mix them.
for ((i = 0; i < 300; ++i)); do
    printf 'rank %d ' "$IPCRUN_RANK"
    printf 'line %d ' "$i"
    printf '%0200d end\n' "$i"
done
END
chmod +x "$work/lines"
run "$IPCRUN" -n 8 "$work/lines"
is "$(wc -l <"$out")" 2400 "8 ranks writing at once: every line is there"
is "$(grep -cvE '^rank [0-7] line [0-9]+ [0-9]{200} end$' "$out")" 0 "and none is torn"
for rank in 0 7; do
    is "$(grep "^rank $rank " "$out" | cut -d' ' -f4 | paste -sd' ')" "$(seq -s' ' 0 299)" \
        "and those of rank $rank are in order"
done

run "$IPCRUN" -n 2 --tag-output sh -c 'echo a; echo b; echo c >&2'
is "$(sort "$out" | paste -sd,)" "[0] a,[0] b,[1] a,[1] b" "--tag-output tags every line"
is "$(sort "$err" | paste -sd,)" "[0] c,[1] c" "of both streams"

run "$IPCRUN" -n 3 sh -c 'printf "rank %s" $IPCRUN_RANK'
is "$(sort "$out" | paste -sd,)" "rank 0,rank 1,rank 2" \
    "unfinished lines come at the end, each on its own"

run "$IPCRUN" -n 1 printf 'a\r\nb\0c'
is "$(od -An -c "$out" | tr -s ' ')" ' a \r \n b \0 c' "-n 1 passes bytes through as they are"

mkfifo "$work/prompt"
"$IPCRUN" -n 1 sh -c 'printf "name? "; read -r name <"$1"; echo "$name"' sh "$work/prompt" >"$out" &
within 5 grep -q 'name? ' "$out"
ok "-n 1 shows a prompt before it is answered" grep -q 'name? ' "$out"
echo you >"$work/prompt"
wait $!
is "$(<"$out")" "name? you" "and the answer"

run "$IPCRUN" -n 2 head -c 300000 /dev/zero
is "$(tr -d '\n' <"$out" | wc -c)" 600000 "a line without an end is passed on in pieces"

run "$IPCRUN" -n 4 sh -c 'yes 123456789 | head -c 20000000'
is "$(grep -cvx 123456789 "$out") $(wc -c <"$out")" "0 80000000" \
    "80 MB from four ranks arrive whole"

"$IPCRUN" -n 2 yes 2>"$err" | head -1 >"$out"
is "${PIPESTATUS[0]}" 141 "| head ends the job as SIGPIPE would"
is "$(<"$out"),$(<"$err")" "y," "in silence"
nothing_left "and leaves nothing"

if [[ -w /dev/full ]]; then
    "$IPCRUN" -n 2 echo hi >/dev/full 2>"$err"
    is "$?" 1 "a full disk is a failure"
    like "$(<"$err")" "ipcrun: write to standard output: No space left on device" "that is reported"
fi

# A reader that stalls: the ranks wait, and nobody's memory grows.
mkfifo "$work/stalled"
"$IPCRUN" -n 2 sh -c 'head -c 500000000 /dev/zero | tr "\0" "\n"' >"$work/stalled" &
job=$!
exec 7<"$work/stalled"
settled() { local before after
    before=$(awk '{print $14 + $15}' "/proc/$job/stat")
    sleep 0.2
    after=$(awk '{print $14 + $15}' "/proc/$job/stat")
    [[ $before == "$after" ]]
}
within 10 settled
agent=$(ps -o pid= --ppid "$job" | tr -d ' ')
kilobytes() { awk '/^VmHWM/ {print $2}' "/proc/$1/status"; }
ok "a stalled reader: ipcrun stays small" test "$(kilobytes "$job")" -lt 40000
ok "a stalled reader: the agent stays small" test "$(kilobytes "$agent")" -lt 40000
is "$(wc -c <&7)" 1000000000 "and when it goes on all of 1 GB arrives"
exec 7<&-
wait "$job"
is "$?" 0 "and the job ends well"

# The error stream is not held up by a stalled output stream, and TERM works.
"$IPCRUN" -n 2 sh -c 'echo trouble >&2; exec yes' >"$work/stalled" 2>"$err" &
job=$!
exec 7<"$work/stalled"
within 5 grep -q trouble "$err"
ok "errors come through while output is stalled" grep -q trouble "$err"
kill -TERM "$job"
nothing_left "TERM ends a job whose output is stalled"
exec 7<&-
status=0
wait "$job" || status=$?
is "$status" 143 "with its exit status"

# Flags of descriptors are shared with whoever else has them.
flags_of() { awk '/^flags/ {print $2}' "/proc/$$/fdinfo/$1"; }
exec 8> >(exec cat >/dev/null)
before=$(flags_of 8)
"$IPCRUN" -n 2 sh -c 'echo hi; sleep 0.2' >&8 2>&8 &
job=$!
within 5 test -d "/proc/$job/fd"
is "$(flags_of 8)" "$before" "the flags of an inherited pipe are left alone"
wait "$job"
exec 8>&-

is "$("$IPCRUN" -n 1 sh -c 'echo $IPCRUN_TERMINAL')" "" "IPCRUN_TERMINAL is not set for a pipe"
if command -v script >/dev/null; then
    ask="$IPCRUN -n 1 sh -c 'echo \$IPCRUN_TERMINAL'"
    is "$(script -qec "$ask" /dev/null </dev/null | tr -d '\r')" 1 \
        "IPCRUN_TERMINAL is 1 on a terminal"
fi

done_testing
