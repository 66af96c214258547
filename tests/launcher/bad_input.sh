# SPDX-License-Identifier: Apache-2.0
# Proves: bad input is answered in one line that says what is wrong and what would be right, with
# exit status 2, and nothing is started.
source "$TAP"

refused() {
    local name=$1 pattern=$2
    shift 2
    run "$IPCRUN" "$@"
    is "$status" 2 "$name: exit status 2"
    is "$(wc -l <"$err") $(wc -l <"$out")" "1 0" "$name: one line on standard error"
    like "$(<"$err")" "^ipcrun: .*$pattern" "$name: says what is wrong"
    ok "$name: nothing was started" test ! -e "$work/started"
}

touch_it=(touch "$work/started")
refused "unknown option" "unknown option '--tiemout'; did you mean --timeout\?" --tiemout 3 \
    "${touch_it[@]}"
refused "unknown short option" "unknown option '-q'" -q "${touch_it[@]}"
refused "value for a flag" "option --tag-output takes no value" --tag-output=1 "${touch_it[@]}"
refused "-n 0" "option -n takes the number of ranks, 1 to 4096; not '0'" -n 0 "${touch_it[@]}"
refused "-n x" "option -n takes the number of ranks.*'x'" -n x "${touch_it[@]}"
refused "-n -1" "option -n takes the number of ranks.*'-1'" -n -1 "${touch_it[@]}"
refused "-n 4097" "1 to 4096; not '4097'" -n 4097 "${touch_it[@]}"
refused "-n 99999999999" "option -n takes" -np 99999999999 "${touch_it[@]}"
refused "option without its argument" "option --wdir needs an argument: --wdir DIR" --wdir
refused "no program" "no program given; for example: ipcrun -n 4 train.lua" -n 4
refused "program not in PATH" "program 'no-such-program' not found in PATH" -n 2 no-such-program
refused "program not there" "run '$work/none': No such file or directory" "$work/none"
refused "program is a directory" "it is a directory" "$work"
touch "$work/plain"
refused "program not executable" "it is not executable \(chmod \+x" "$work/plain"
refused "script not there" "run script '$work/none.lua': No such file or directory" -n 2 \
    "$work/none.lua"
refused "wdir not there" "option --wdir: directory '$work/none': No such file or directory" \
    --wdir "$work/none" "${touch_it[@]}"
refused "wdir is a file" "option --wdir: directory '$work/plain': Not a directory" \
    --wdir "$work/plain" "${touch_it[@]}"
refused "stdin rank not in the job" "option --stdin 2: the ranks of this job are 0 to 1" \
    -n 2 --stdin 2 "${touch_it[@]}"
refused "stdin rank no number" "option --stdin takes a rank, from 0, or none; not 'all'" \
    --stdin all "${touch_it[@]}"
refused "negative stdin rank" "option --stdin takes a rank" --stdin -1 "${touch_it[@]}"
for bad in 0 -1 x 1s inf nan ''; do
    refused "--timeout '$bad'" "option --timeout takes a positive number of seconds" \
        --timeout "$bad" "${touch_it[@]}"
done
refused "--grace -1" "option --grace takes a non-negative number of seconds" --grace -1 \
    "${touch_it[@]}"
refused "bind-to unknown" "option --bind-to takes auto, none, core, numa or package; not 'socket'" \
    --bind-to socket "${touch_it[@]}"
refused "-x without a name" "option -x takes NAME or NAME=VALUE; not '=1'" -x =1 "${touch_it[@]}"
refused "-x of a variable that is not set" "option -x NOT_THERE: the variable is not set" \
    -x NOT_THERE "${touch_it[@]}"

# Nothing is forbidden to root: these are for the run as an ordinary user.
if [[ $(id -u) != 0 ]]; then
    mkdir -p "$work/closed"
    chmod 555 "$work/closed"
    refused "wdir not writable" "may not be written: Permission denied" \
        --wdir "$work/closed" "${touch_it[@]}"
    touch "$work/secret.lua"
    chmod 0 "$work/secret.lua"
    refused "script not readable" "it may not be read" "$work/secret.lua"
fi

run env IPCRUN_LUA=/nonexistent/lua "$IPCRUN" "$work/plain.lua"
is "$status" 2 "the script is looked for before the interpreter"
touch "$work/plain.lua"
run env IPCRUN_LUA=/nonexistent/lua "$IPCRUN" "$work/plain.lua"
like "$status $(<"$err")" "^2 ipcrun: run '/nonexistent/lua': No such file" \
    "IPCRUN_LUA has to exist"

done_testing
