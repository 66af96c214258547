# SPDX-License-Identifier: Apache-2.0
# Proves what is planned for, sent to and told of other hosts. A stand-in for ssh starts their
# agents on this one: what a real host or network does when it fails is not proven here.
source "${TAP:?}"

cd "${work:?}" || exit
mkdir "$work/bin"
cat >"$work/bin/ssh" <<'END'
#!/bin/bash
# ssh [OPTIONS] HOST COMMAND: what a login to HOST would be.
while [[ $1 == -* ]]; do
    [[ $1 == -o ]] && shift
    shift
done
host=$1
shift
if [[ $host == dead* ]]; then
    echo "ssh: connect to host $host port 22: Connection refused" >&2
    exit 255
fi
case $host in
    silent*) exec sleep 60 ;; # as one that does not answer
    shouting*)                # has hung up, and complains about it without end
        exec <&- >&-
        exec yes "no room left on $host" >&2
        ;;
    raving*)
        printf '\nipcrun-agent 5\n'
        exec yes "segmentation fault"
        ;;
    wrong*)
        printf '\nipcrun-agent 5\n\1\0\0\0\377'
        exec sleep 60
        ;;
    hasty*)
        printf '\nipcrun-agent 5\n\5\0\0\0\14\0\0\0\0'
        exec sleep 60
        ;;
esac
[[ $host != talker* ]] || echo "Welcome to $host"
exec env -i HOME="/home/$host" USER="me-$host" PATH=/usr/bin:/bin \
    SSH_CONNECTION="127.0.0.1 40000 127.0.0.1 22" \
    IPCRUN_TEST_MARK="$IPCRUN_TEST_MARK" sh -c "$*"
END
chmod +x "$work/bin/ssh"
export PATH=$work/bin:$PATH

run "$IPCRUN" --hosts 'h[1-2]:2,localhost:1,h1' --dry-run touch "$work/started"
is "$status" 0 "a dry run asks other hosts what they are"
like "$(<"$out")" "6 ranks on 3 hosts" "and gives each as many ranks as it has slots"
like "$(<"$out")" "0 +h1 .*2 +h1 .*3 +h2 .*5 +localhost " "in the order of their first mention"
ok "and starts nothing" test ! -e "$work/started"
nothing_left "and their agents are gone"
run "$IPCRUN" --json --hosts 'h[1-3]:2' --exclude h2
like "$(tr -d ' ' <"$out")" '"name":"h1".*"name":"h3"' "excluded hosts are not in the plan"

run "$IPCRUN" --hosts h1,dead7,localhost --dry-run
is "$status $(wc -l <"$err")" "1 1" "a host that is not reached ends a dry run: one line"
like "$(<"$err")" "^ipcrun: .*host dead7.*Connection refused" "that names the host, and says why"
nothing_left "and the other agents are gone"

export SECRET='$(touch started) `touch started` "'\''\ ; | & é' IPCRUN_LUA=/here USER=me HOME=/mine
run "$IPCRUN" --hosts h1:1,talker:1,localhost:1 -x USER sh -c \
    'echo "$IPCRUN_RANK $HOME $USER ${IPCRUN_LUA-none} $PWD"; test "$SECRET" = "$1"' sh "$SECRET"
is "$status" 0 "arguments and variables come as they are, whatever is in them"
is "$(sort "$out")" "0 /home/h1 me none $work
1 /home/talker me none $work
2 /mine me /here $work" "each host has its own of what tells of a host, but for what -x names"
ok "and nothing was started by the way" test ! -e "$work/started"

printf 'h1 wdir=/usr slots=1\nh2 slots=1\n' >hosts
is "$("$IPCRUN" --hostfile hosts pwd | sort)" "$(printf '%s\n' "$work" /usr | sort)" \
    "a host may have a directory of its own"
run "$IPCRUN" --hosts h1:1,h2:1 sh -c 'test $IPCRUN_NODE = 0 || exit 9'
is "$status" 9 "the exit status is that of the rank that failed"

for host in shouting raving wrong hasty; do
    run timeout 10 "$IPCRUN" --hosts "h1,$host" true
    is "$status $(wc -l <"$err")" "1 1" "a host that is $host ends the job: one line"
    like "$(<"$err")" "^ipcrun: .*host $host" "that names it"
    nothing_left "and nothing is left"
done
env --default-signal=INT "$IPCRUN" --hosts h1,silent hostname >"$out" 2>"$err" &
job=$!
waits() { pgrep -P "$job" sleep >/dev/null; }
within 5 waits || not_ok "ssh waits for the host"
begin=${EPOCHREALTIME/./}
kill -INT "$job"
status=0
wait "$job" || status=$?
is "$status $(((${EPOCHREALTIME/./} - begin) / 1000000))" "130 0" \
    "an interrupt while ssh waits for a host ends the job at once"
nothing_left "and ssh"

done_testing
