# SPDX-License-Identifier: Apache-2.0
# Proves what the agent does for ranks that share queues by name.
source "${TAP:?is set by meson test}"

run "$IPCRUN" -n 3 "$QUEUES" open jobs 0 write hello barrier only 0 read read read
is "$(sort "$out")" $'0 hello\n1 hello\n2 hello' "ranks that open a queue by its name share it"

run "$IPCRUN" -n 2 sh -c 'if [ $IPCRUN_RANK = 1 ]; then exec "$1" open jobs 4 write early close; fi
    exec "$1" open jobs 4 read read' sh "$QUEUES"
is "$(<"$out")" $'1 early\ndrained' "what a rank wrote that has ended is read, and then the end"

run "$IPCRUN" -n 1 "$QUEUES" open a 0 write x open b 0 write y open a 0 read open b 0 read
is "$(<"$out")" $'0 x\n0 y' "queues of different names are different ones"

run "$IPCRUN" -n 1 "$QUEUES" open a 3 open a 0
like "$(<"$out")" "^usage: open the queue 'a': it was opened with a capacity of 3 first, and now" \
    "another capacity is refused"

run "$IPCRUN" -n 1 "$QUEUES" open a 99999999999
like "$(<"$out")" "^usage: open the queue 'a': create a shared queue: a capacity of 99999999999" \
    "a capacity that cannot be is refused"

run "$IPCRUN" -n 1 "$QUEUES" open '' 0
is "$(<"$out")" "usage: open a queue by its name: a name of 0 bytes, 1 to 255 can be" \
    "a name is needed"

run "$QUEUES" open a 0
like "$(<"$out")" "^usage: open the queue 'a': .* this process is none" \
    "a process without a launcher has no names"

# The answer comes when the item has been printed.
run env IPCRUN_FAULT=queue_taken:1:1 "$IPCRUN" -n 2 sh -c '
    [ $IPCRUN_RANK = 0 ] && exec "$1" open there 0 read open back 0 write y
    exec "$1" open there 0 write x open back 0 read' sh "$QUEUES"
is "$status $(<"$out")" "137 1 x" "a fault that is set strikes in queues that ranks share by name"

arguments=()
for ((i = 0; i < 1025; ++i)); do arguments+=(open "q$i" 0); done
run "$IPCRUN" -n 1 "$QUEUES" "${arguments[@]}"
like "$(<"$out")" "^usage: open the queue 'q1024': the job has 1024 queues" \
    "there is a limit to the number of queues"

nothing_left "no process of it is left"
done_testing
