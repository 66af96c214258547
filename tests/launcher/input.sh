# SPDX-License-Identifier: Apache-2.0
# Proves who gets standard input: rank 0, unless it is a terminal; or whom --stdin names.
source "${TAP:?is set by meson test}"

read_it='line=$(cat); echo "$IPCRUN_RANK:$line"'
is "$(echo hello | "$IPCRUN" -n 3 sh -c "$read_it" | sort | paste -sd' ')" "0:hello 1: 2:" \
    "a pipe goes to rank 0, the others read nothing"
echo text >"$work/file"
is "$("$IPCRUN" -n 2 sh -c "$read_it" <"$work/file" | sort | paste -sd' ')" "0:text 1:" "a file too"
is "$(echo hello | "$IPCRUN" -n 3 --stdin 2 sh -c "$read_it" | sort | paste -sd' ')" \
    "0: 1: 2:hello" \
    "--stdin names the rank"
is "$(echo hello | "$IPCRUN" -n 2 --stdin none sh -c "$read_it" | sort | paste -sd' ')" "0: 1:" \
    "--stdin none: nobody"
is "$("$IPCRUN" -n 2 sh -c "$read_it" <&- | sort | paste -sd' ')" "0: 1:" \
    "a closed one reads as empty"
is "$(seq 100000 | "$IPCRUN" -n 2 sh -c '[ $IPCRUN_RANK = 1 ] || md5sum')" \
    "$(seq 100000 | md5sum)" \
    "all of it arrives"

# The writer of a pipe learns that its reader is gone.
(trap '' PIPE; yes 2>"$work/yes"; echo $? >"$work/yes.status") |
    "$IPCRUN" -n 2 sh -c '[ $IPCRUN_RANK = 1 ] && exec sleep 0.5; exec head -1' >"$out"
is "$(<"$out") $(<"$work/yes.status")" "y 1" "a rank that stops reading stops the writer"

if command -v script >/dev/null; then
    # `script` gives its command a terminal.
    answer=$( (sleep 0.5; echo typed; sleep 0.5) |
        script -qec "$IPCRUN -n 2 --stdin 0 sh -c 'read -r line; echo \"got:\$line.\"'" /dev/null |
        tr -d '\r' | grep '^got' | sort | paste -sd' ')
    is "$answer" "got:. got:typed." "--stdin 0 lets rank 0 read the terminal"
    answer=$(script -qec "$IPCRUN -n 1 sh -c 'read -r line; echo \"got:\$line.\"'" /dev/null \
        </dev/null | tr -d '\r' | grep '^got')
    is "$answer" "got:." "without it a terminal is not handed over"
fi

done_testing
