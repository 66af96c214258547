# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2034,SC2154
# Proves: agents that are started by agents are as those that the launcher starts, and where one
# cannot start another, the launcher does.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 5

all=h1:1,h2:1,h3:1,h4:1,h5:1
# Each host with the number of ssh that run there.
count_ssh='echo "$(hostname)$(ps -e -o comm= | grep -cx ssh)"'
# starts FAN_OUT: who starts how many.
starts() {
    run_on h1 "$IPCRUN" --ssh-fan-out "$1" --hosts $all sh -c "$count_ssh; sleep 0.2"
    echo "$(sort "$out" | paste -sd' ') $status $(<"$err")"
}
is "$(starts 32)" "h14 h20 h30 h40 h50 0 " "tree: few hosts are started by the launcher"
is "$(starts 2)" "h12 h21 h30 h41 h50 0 " "tree: two hosts start two others"
is "$(starts 1)" "h11 h21 h31 h41 h50 0 " "tree: each host starts the next"

run_on h1 "$IPCRUN" --ssh-fan-out 1 --hosts $all --stdin 4 sh -c '
    [ $IPCRUN_RANK = 4 ] && exec md5sum
    head -c 3000000 /dev/zero | tr "\0" "$IPCRUN_RANK" | fold -w 99' <"$CLUSTER/tree.sh"
is "$(grep -c "^$(md5sum <"$CLUSTER/tree.sh" | cut -d' ' -f1)" "$out")" 1 \
    "tree: input reaches the end of a chain"
is "$(grep -cvE '^([0-3])\1*$' "$out") $(grep -E '^3+$' "$out" | tr -d '\n' | wc -c)" "1 3000000" \
    "tree: output of all comes whole"
run_on h1 "$IPCRUN" --ssh-fan-out 1 --hosts $all sh -c '[ $IPCRUN_RANK = 4 ] && exit 9; sleep 60'
is "$status" 9 "tree: so does the exit status of its last rank"
hosts_are_clean "tree: nothing is left of a job along a chain"

begin h1 "$IPCRUN" --ssh-fan-out 1 --host-timeout 2 --hosts $all sh -c '
    touch "$1/began.$IPCRUN_RANK"; sleep 1' began "$work"
all_began() { [[ $(find "$work" -name 'began.*' | wc -l) == 5 ]]; }
within 10 all_began || not_ok "tree: the job to be suspended is up"
process=$(launcher)
kill -TSTP "$process"
sleep 6 # several times what a silent host may take
kill -CONT "$process" "$job"
ended
is "$status $(<"$err")" "0 " "tree: a job that is suspended for long is no lost host"

on h2 mount --bind /bin/false /usr/bin/ssh
is "$(starts 1)" "h14 h20 h30 h40 h50 0 " "tree: what a host cannot start, the launcher does"
on h2 umount /usr/bin/ssh
cluster cut h2 h3
begin h1 "$IPCRUN" --ssh-fan-out 1 --ssh-args '-o ConnectTimeout=3' --hosts $all sh -c "$count_ssh"
ended
is "$status $(grep -c . "$out")" "0 5" "tree: a way that is cut between two others does no harm"
cluster heal

begin h1 "$IPCRUN" --ssh-fan-out 1 --host-timeout 2 --hosts $all sh -c '
    touch "$1/up.$IPCRUN_RANK"; exec sleep 60' up "$work"
all_up() { [[ $(find "$work" -name 'up.*' | wc -l) == 5 ]]; }
within 10 all_up || not_ok "tree: the job is up"
cluster kill h3
ended
is "$status" 1 "tree: the end of a host in the middle of a chain is one of the job"
like "$(<"$err")" 'host h3 has been silent for 2 s' "tree: which names it"
like "$(<"$err")" 'host h5 was reached by way of host' "tree: and those behind it"
hosts=(h1 h2 h4 h5)
hosts_are_clean "tree: nothing is left on those behind it, nor before it"

done_testing
