# SPDX-License-Identifier: Apache-2.0
# Proves that ranks on other hosts are as those on this one: output, input, arguments, exit status,
# and nothing left whoever is killed. The other hosts are this one: `ssh` is a script that runs the
# command as sshd would, after what login shells and ssh itself do to people.
source "${TAP:?is set by meson test}"

mkdir "$work/bin"
cat >"$work/bin/ssh" <<'END'
#!/bin/bash
# FAKE_SSH: what happens on the way. The last argument is the command, the one before it the host.
unset IPCRUN_LUA
export SSH_CONNECTION='127.0.0.1 40000 127.0.0.1 22'  # sshd says where it was called
for word; do host=$command command=$word; done
case $FAKE_SSH in
refused) echo "ssh: connect to host $host port 22: Connection refused" >&2; exit 255 ;;
says) echo "$FAKE_SSH_SAYS" >&2; exit 255 ;;
other_version) printf '\nipcrun-agent 99\n'; exec cat ;;
talks) echo "Welcome to $host"; printf 'ipcrun-agent 5\r\nno line end, and \033[2J' ;;
babbles) yes "Welcome to $host" 2>/dev/null; exit 0 ;;
prints_and_exits) echo "This account is for mail only"; exit 1 ;;
slow) sleep 0.5 ;;
reads) read -r -t 1 line || true ;;
holds) sh -c "$command"; env -u IPCRUN_TEST_MARK sleep 5; exit ;;
keeps_running) env -u IPCRUN_TEST_MARK sleep 2 & ;;
arguments) printf '%s\n' "$@" >"$FAKE_SSH_FILE" ;;
in_between) sh -c "$command"; exit ;;
esac
exec sh -c "$command"
END
chmod +x "$work/bin/ssh"
export PATH=$work/bin:$PATH
export FAKE_SSH=

there=("$IPCRUN" --hosts "other1:2,other2:2")

run "${there[@]}" --tag-output sh -c 'echo out; echo err >&2'
is "$(sort "$out" | paste -sd' ')" "[0] out [1] out [2] out [3] out" "standard output arrives"
is "$(sort "$err" | paste -sd' ')" "[0] err [1] err [2] err [3] err" "and standard error"
is "$status" 0 "the job succeeds"

run "${there[@]}" sh -c '[ $IPCRUN_RANK = 2 ] && exit 7; exec sleep 100'
is "$status" 7 "the exit status is that of the rank that failed"
nothing_left "and the others are gone"

run "${there[@]}" pwd
is "$(sort -u "$out")" "$PWD" "ranks run in the launcher's directory"
printf 'other1 slots=1 wdir=/usr\nother2 slots=1 wdir=/\n' >"$work/hostfile"
run "$IPCRUN" --hostfile "$work/hostfile" -n 2 sh -c 'pwd; cd ..'
is "$(sort "$out" | paste -sd' ')" "/ /usr" "or where the host file says"
printf 'other1 wdir=/not/there\n' >"$work/hostfile"
run "$IPCRUN" --hostfile "$work/hostfile" -n 2 pwd
is "$status" 2 "a directory that is not there is the user's mistake"
like "$(<"$err")" \
    "^ipcrun: start ranks on host other1: enter directory '/not/there': No .*--wdir.*wdir=" \
    "and named, with what to do"
run "${there[@]}" no-such-program
is "$status" 2 "so is a program"
is "$(wc -l <"$err")" 1 "which is said once, however many hosts"
like "$(<"$err")" "ranks on host other[12]: program 'no-such-program' not found in PATH" \
    "with the host"
printf '#!/bin/sh\necho found\n' >"$work/bin/only-there"
chmod +x "$work/bin/only-there"
run "${there[@]}" -n 1 only-there
is "$(<"$out")" found "PATH is forwarded"
echo 'print("lua", arg[1], os.getenv("IPCRUN_RANK"))' >"$work/a script.lua"
run "${there[@]}" -n 2 "$work/a script.lua" "two words"
is "$(sort "$out" | paste -sd'|')" $'lua\ttwo words\t0|lua\ttwo words\t1' \
    "scripts run in ipcrun-lua"
IPCRUN_LUA=/not/there run "${there[@]}" -n 1 "$work/a script.lua" x
like "$(<"$out")" ^lua "of that host: the launcher's IPCRUN_LUA is not forwarded" || cat "$err"

# Everything travels in frames, and nothing through a shell: 1 MiB of it.
hostile=(\' \" \\ '$(touch '"$work"'/pwned)' '`touch '"$work"'/pwned`'
    $'\n' '' '!' '*' '~' '-n' '; exit 9'
    $'\x01\x7f\xff\xc3\xa4\033[2J' "$(head -c 100000 /dev/zero | tr '\0' \')")
for ((i = 0; i < 9; ++i)); do
    hostile+=("$(head -c 90000 /dev/urandom | base64 -w0 | head -c 100000)")
done
export HOSTILE=$'a\nb\'c"d\\e$(f)`g`\xff\x01'
show='printf "%s\0" "$HOSTILE" "$@" | md5sum'
expected=$(sh -c "$show" sh "${hostile[@]}")
run "$IPCRUN" --hosts other1:1 sh -c "$show" sh "${hostile[@]}"
is "$(<"$out")" "$expected" "hostile arguments and variables arrive as they are"
not_pwned() { [[ ! -e $work/pwned ]]; }
ok "and no shell has run them" not_pwned
unset HOSTILE

# Standard input.
is "$(seq 300000 | "${there[@]}" sh -c '[ $IPCRUN_RANK != 0 ] || md5sum')" \
    "$(seq 300000 | md5sum)" "a pipe goes to rank 0"
seq 300000 >"$work/numbers"
is "$("${there[@]}" --stdin 3 sh -c '[ $IPCRUN_RANK != 3 ] || md5sum' <"$work/numbers")" \
    "$(seq 300000 | md5sum)" "a file too, and to whom --stdin names"
is "$("${there[@]}" sh -c 'cat; echo "$IPCRUN_RANK"' </dev/null | sort | paste -sd' ')" "0 1 2 3" \
    "an empty one has an end"
is "$("${there[@]}" sh -c 'cat; echo "$IPCRUN_RANK"' <&- | sort | paste -sd' ')" "0 1 2 3" \
    "a closed one, too"
(trap '' PIPE; yes 2>/dev/null; : >"$work/told") |
    "${there[@]}" sh -c "[ \$IPCRUN_RANK = 0 ] && exec head -1
        until [ -e '$work/told' ]; do sleep 0.01; done" >"$out"
is "$(<"$out") $(ls "$work/told")" "y $work/told" "who writes it learns that its rank has closed it"
is "$( (echo one; until [[ -s $work/answer ]]; do sleep 0.01; done; echo two) |
    "${there[@]}" sh -c '[ $IPCRUN_RANK = 0 ] || exit 0
        read -r a; echo $a >'"$work/answer"'; read -r b; echo $a $b')" \
    "one two" "a line is passed on when it comes"

# Output has a limit on the way.
is "$("${there[@]}" sh -c 'seq 200000' |
    { sleep 0.2; sort | uniq -c | awk '$1 == 4' | wc -l; })" 200000 \
    "much output arrives whole, to a reader that is slow"

# What is on the way.
for way in talks slow reads in_between; do
    FAKE_SSH=$way run "${there[@]}" -n 4 sh -c 'echo $IPCRUN_RANK'
    is "$status $(sort "$out" | paste -sd' ') $(wc -c <"$err")" "0 0 1 2 3 0" \
        "it works where ssh: $way"
done
FAKE_SSH=holds run "$IPCRUN" --hosts other1:1 echo hello
is "$status $(<"$out")" "0 hello" "it works where a login shell holds the connection open"
FAKE_SSH=keeps_running run "$IPCRUN" --hosts other1:1 echo hello
is "$status $(<"$out")" "0 hello" "it works where a login shell leaves processes"

refuses() {  # WAY REGEX NAME
    local way=$1 pattern=$2 name=$3
    FAKE_SSH=$way run "${there[@]}" true
    like "$status $(wc -l <"$err") $(<"$err")" \
        "^1 1 ipcrun: start the agent on host other[12]: $pattern" "$name"
}
refuses refused "nobody answers at its port: no ssh server runs there .*Connection refused" \
    "a refused connection"
refuses other_version \
    "the ipcrun on that host speaks version 99 of the protocol, this one 5: install" \
    "another version"
refuses babbles "more than 65536 bytes came before the agent spoke .*Welcome" \
    "a login shell that prints without end"
refuses prints_and_exits "its login shell, or ipcrun there, ended with exit status 1 .*mail only" \
    "a login shell that ends"
FAKE_SSH_SAYS=$'\033[31mred\007' refuses says "ssh failed \\(\\?\\[31mred\\?\\)" \
    "what ssh says cannot write to the terminal"
run "${there[@]}" --agent-path "/no'where/!\\ \$(x)/ipcrun" true
like "$status $(<"$err")" "^1 ipcrun: .*ipcrun '/no'where/!.*is not there: .*--agent-path" \
    "no ipcrun there"
run "${there[@]}" --agent-path $'/a\nb' true
like "$status $(<"$err")" "^2 ipcrun: .*'/a\\?b'.* line break" "a path that no shell takes"
mkdir "$work/it's a \"folder\" \$(x) !\\"
ln -s "$IPCRUN" "$work/it's a \"folder\" \$(x) !\\/ipcrun"
run "${there[@]}" --agent-path "$work/it's a \"folder\" \$(x) !\\/ipcrun" echo hello
is "$status $(sort -u "$out")" "0 hello" "a path may have all else"
FAKE_SSH=arguments FAKE_SSH_FILE=$work/arguments run "$IPCRUN" --hosts other1:1 \
    --ssh-args "-p 22 -o 'User=me and you'" true
is "$status $(head -5 "$work/arguments" | paste -sd'|')" "0 -p|22|-o|User=me and you|-T" \
    "arguments of the user go before ours"

# Nothing is left, whoever is killed. Behind this ssh the guard is a child of the launcher, and
# there are two of all.
cat >"$work/stubborn" <<'END'
#!/bin/bash
trap '' TERM INT HUP QUIT
(setsid sleep 60 &) &
touch "$1/up.$IPCRUN_RANK"
while :; do wait; sleep 60; done
END
chmod +x "$work/stubborn"
all_up() {
    local rank
    for rank in 0 1 2 3; do [[ -e $work/up.$rank ]] || return 1; done
    (($(marked | wc -l) >= 1 + 2 * 2 + 4 * 3))
}
begin() {
    rm -f "$work"/up.*
    env --default-signal=INT,QUIT "${there[@]}" "$@" "$work/stubborn" "$work" >"$out" 2>"$err" &
    job=$!
    within 10 all_up || not_ok "the job is up"
    guard=$(children_of "$job" | head -1)
    agent=$(children_of "$guard" | head -1)
}
children_of() { env -u IPCRUN_TEST_MARK ps -o pid= --ppid "$1" | tr -d ' '; }
job_status() { status=0; wait "$job" 2>/dev/null || status=$?; }

begin
kill -KILL "$job"
nothing_left "after kill -9 of ipcrun"
job_status

begin
kill -KILL "$agent"
nothing_left "after kill -9 of an agent"
job_status
like "$status $(<"$err")" \
    "^1 ipcrun: .* with the agent on host other[12] has ended: .* the agent was killed: signal 9" \
    "which is a failure that says so"

begin
kill -KILL "$guard"
nothing_left "after kill -9 of a guard"
job_status
like "$status $(<"$err")" \
    "^1 ipcrun: the agent on host other[12] failed: the process that guards it has ended" \
    "which is a failure that says so"

begin --host-timeout 1
kill -STOP "$guard" "$agent"
job_status
like "$status $(<"$err")" \
    "^1 ipcrun: host other[12] has been silent for 1 s: it has failed, or the network to it" \
    "a host that is silent is lost"
kill -CONT "$guard" "$agent" 2>/dev/null
nothing_left "and leaves nothing when it comes back"

# Here the end of the launcher ends the shell that stands for ssh, and not the guard.
FAKE_SSH=in_between begin
guard=$agent
agent=$(children_of "$guard" | head -1)
kill -STOP "$agent"
kill -KILL "$job"
ok "an agent that is stopped when the launcher goes is ended by its guard" within 6 is_nothing_left
job_status

for signal in INT TERM HUP; do
    begin
    kill -s $signal "$job"
    nothing_left "after SIG$signal, with ranks that ignore it"
    job_status
    is "$status" $((128 + $(kill -l $signal))) "whose exit status says so"
done

begin --host-timeout 1
kill -TSTP "$job"
is_stopped() { [[ $(env -u IPCRUN_TEST_MARK ps -o stat= -p "$1") == T* ]]; }
ok "a suspended job stops" within 2 is_stopped "$job"
rank=$(children_of "$agent" | head -1)
ok "with its ranks" within 2 is_stopped "$rank"
sleep 1.5  # more than the time after which silence would be an end
kill -CONT "$job"
not_stopped() { ! is_stopped "$1"; }
ok "and goes on, however long it was" within 2 not_stopped "$rank"
sleep 1.5
ok "without being lost" kill -0 "$job"
kill -INT "$job"
nothing_left "and ends"
job_status

done_testing
