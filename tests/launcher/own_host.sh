# SPDX-License-Identifier: Apache-2.0
# Proves: a job on this host by one of its names is the same job as without, but for what the host
# is called; no ssh is asked for it.
source "${TAP:?}"

# Whoever starts an ssh fails.
cd "${work:?}" || exit
mkdir "$work/bin"
printf '#!/bin/sh\necho "ssh $*" >>"%s"\nexit 77\n' "$work/ssh" >"$work/bin/ssh"
chmod +x "$work/bin/ssh"
export PATH=$work/bin:$PATH

for name in localhost 127.0.0.1 '[::1]' "$(hostname)"; do
    run "$IPCRUN" --hosts "$name:3" sh -c 'echo $IPCRUN_RANK/$IPCRUN_SIZE/$IPCRUN_NODE'
    is "$status $(sort "$out" | paste -sd' ')" "0 0/3/0 1/3/0 2/3/0" "'$name:3' is three ranks here"
done
run "$IPCRUN" --hosts localhost:3 -n 1 sh -c 'exit 7'
is "$status" 7 "-n goes before slots, and the exit status is the rank's"
is "$(echo words | "$IPCRUN" -H localhost -n 2 cat)" words "rank 0 has the standard input"
is "$(HOME=/here "$IPCRUN" -H localhost -n 1 sh -c 'echo $HOME')" /here \
    "the environment is that of ipcrun, whole"

printf '# ours\n%s slots=2 # this one\n' localhost >hosts
is "$("$IPCRUN" --hostfile hosts echo x | paste -sd' ')" "x x" "a file names hosts as well"
export IPCRUN_HOSTS=@hosts
is "$("$IPCRUN" echo x | paste -sd' ')" "x x" "and so does the variable"
is "$("$IPCRUN" -H localhost:1 echo x)" x "before which the option goes"
unset IPCRUN_HOSTS
is "$("$IPCRUN" -H 'localhost:1,h[1-3]:4' --exclude 'h[1-3]' echo x)" x \
    "hosts that are excluded are not asked"

mkdir there
printf '#!/bin/sh\necho "$PWD"\n' >there/program
chmod +x there/program
echo "localhost slots=2 wdir=$work/there" >hosts
is "$("$IPCRUN" --hostfile hosts ./program | sort -u)" "$work/there" \
    "ranks run, and find their program, in the directory that the file names"
echo "localhost wdir=$work/none" >hosts
run "$IPCRUN" --hostfile hosts true
like "$status $(<"$err")" "^[12] ipcrun: .*enter directory '$work/none': No such file" \
    "which has to be there"

run "$IPCRUN" -H localhost:2 --report-bindings true
is "$(grep -c '^rank [01]: cpus' "$err")" 2 "ranks are bound as without the name"
cpu=$(taskset -cp $$ | grep -oE '[0-9]+' | sed -n 2p)
echo "rank 0=localhost slot=$cpu" >rankfile
run "$IPCRUN" -H localhost:1 --rankfile rankfile true
is "$status" 0 "a rankfile may call the host so"
echo 'print((require "ipc").world():allreduce(1))' >sum.lua
is "$("$IPCRUN" -H localhost:2 sum.lua | sort -u)" 2 "ranks join, as on one host they may"

"$IPCRUN" -H localhost:2 sleep 60 &
launcher=$!
is_started() { [[ $(marked | wc -w) -ge 4 ]]; }
ok "a job has begun" within 5 is_started
kill -KILL "$launcher"
wait "$launcher" 2>/dev/null
nothing_left "nothing of it is left when the launcher is killed"
ok "nobody has started ssh" test ! -e "$work/ssh"

done_testing
