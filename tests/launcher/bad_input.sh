# SPDX-License-Identifier: Apache-2.0
# Proves: bad input is answered in one line that says what is wrong and what would be right, with
# exit status 2, and nothing is started.
source "${TAP:?is set by meson test}"

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
mkdir "$work/closed"
refused "unknown option" "unknown option '--tiemout'; did you mean --timeout\?" --tiemout 3 \
    "${touch_it[@]}"
refused "unknown short option" "unknown option '-q'" -q "${touch_it[@]}"
refused "value for a flag" "option --tag-output takes no value" --tag-output=1 "${touch_it[@]}"
refused "-n 0" "option -n takes the number of ranks, 1 to 16777216; not '0'" -n 0 "${touch_it[@]}"
refused "-n x" "option -n takes the number of ranks.*'x'" -n x "${touch_it[@]}"
refused "-n -1" "option -n takes the number of ranks.*'-1'" -n -1 "${touch_it[@]}"
refused "-n 4097" "option -n 4097: a host can have 4096 ranks at most" -n 4097 "${touch_it[@]}"
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
refused "a fabric without a name" "option --fabric takes auto, none, or a provider of libfabric" \
    --fabric '' "${touch_it[@]}"
refused "a fabric that cannot be one" "; not 'net tcp'" --fabric 'net tcp' "${touch_it[@]}"
refused "stdin rank no number" "option --stdin takes a rank, from 0, or none; not 'all'" \
    --stdin all "${touch_it[@]}"
refused "negative stdin rank" "option --stdin takes a rank" --stdin -1 "${touch_it[@]}"
for bad in 0 -1 x 1s inf nan ''; do
    refused "--timeout '$bad'" "option --timeout takes a positive number of seconds" \
        --timeout "$bad" "${touch_it[@]}"
done
refused "--grace -1" "option --grace takes a non-negative number of seconds" --grace -1 \
    "${touch_it[@]}"
refused "bind-to unknown" "option --bind-to takes auto, none, hwthread, .*; not 'socket'" \
    --bind-to socket "${touch_it[@]}"
refused "map-by unknown" "option --map-by takes auto, slot, .*; not 'board'" --map-by board \
    "${touch_it[@]}"
refused "no GPU to map by" "--map-by gpu: the machine of host .* has no GPU" --map-by gpu \
    "${touch_it[@]}"
refused "rank-by unknown" "option --rank-by takes .*; not 'core'" --rank-by core "${touch_it[@]}"
refused "tree degree 0" "option --tree-degree takes .* from 1, or auto; not '0'" --tree-degree 0 \
    "${touch_it[@]}"
for bad in 0 -8 8x K nan 1e30 '' 0.001; do
    refused "--explain '$bad'" "option --explain takes the size of an allreduce" --explain "$bad"
done
run bash -c "exec $IPCRUN --dry-run -n 1 >/dev/full"
is "$status" 1 "a plan that cannot be written: exit status 1"
like "$(<"$err")" 'No space left on device' "a plan that cannot be written: says why"
refused "measuring and running" "option --measure-links stands alone: it runs no 'touch'" \
    --measure-links "${touch_it[@]}"
refused "picture that cannot be" "option --picture $work/none/x.svg: No such file or directory" \
    -n 1 --picture "$work/none/x.svg"

echo 'rank 0=+n0 slot=x' >"$work/rankfile"
refused "rankfile of nonsense" "$work/rankfile:1: " --rankfile "$work/rankfile" "${touch_it[@]}"
refused "rankfile not there" "option --rankfile $work/none: No such file or directory" \
    --rankfile "$work/none" "${touch_it[@]}"
echo 'rank 1=+n0 slot=0' >"$work/rankfile"
refused "rankfile with a gap" "rank 0" --rankfile "$work/rankfile" "${touch_it[@]}"

refused "links not there" "option --links $work/none: No such file or directory" \
    --links "$work/none" "${touch_it[@]}"
echo '0,1,-1,5' >"$work/links"
refused "negative cost of a link" "$work/links:1: " -n 2 --links "$work/links" "${touch_it[@]}"
printf '0 1\n1 0\n\n0 9 9\n9 0 9\n' >"$work/links"
refused "matrix of the wrong shape" "$work/links:" -n 2 --links "$work/links" "${touch_it[@]}"
: >"$work/links"
refused "links of an empty file" "$work/links" -n 2 --links "$work/links" "${touch_it[@]}"

refused "machine not there" "read the topology $work/none.xml: No such file" \
    --dry-run --topology "$work/none.xml"
: >"$work/empty.xml"
refused "machine of an empty file" "read the topology $work/empty.xml: " \
    --dry-run --topology "$work/empty.xml"
echo '<topology version="2.0"><object type="Machine"' >"$work/torn.xml"
refused "machine of malformed XML" "read the topology $work/torn.xml: " \
    --dry-run --topology "$work/torn.xml"
refused "machine of no words" "read the topology" --dry-run --topology "pack:0"
refused "machines of an empty folder" "$work/closed" --dry-run --topology "$work/closed"
refused "no such machine to run on" "--topology describes a machine with CPU .*--dry-run" \
    --topology "pack:64 core:64 pu:1" "${touch_it[@]}"
refused "several machines to run on" "--topology describes 2 hosts.*--dry-run" \
    --topology "core:1 pu:1*2" "${touch_it[@]}"
refused "-x without a name" "option -x takes NAME or NAME=VALUE; not '=1'" -x =1 "${touch_it[@]}"
refused "-x of a variable that is not set" "option -x NOT_THERE: the variable is not set" \
    -x NOT_THERE "${touch_it[@]}"

# Hosts that are named. None of these reaches another host, or starts an agent.
for bad in 'a,,b' 'a,' 'a:' 'a:0' 'a:-1' 'a:2x' 'a:65537' 'a b' 'n[1-]' 'n[4-1]' 'n[1-04]' 'n[01' \
    'n]' '[01-04]' 'fe80::1' '[fe80::1' ':4' '@a' 'me@' 'a;reboot' 'a|b' 'a&b' '-oProxyCommand=x' \
    'n[0-99999999]' 'n[1-2]:x' ' '; do
    refused "--hosts '$bad'" "option --hosts: " "--hosts=$bad" "${touch_it[@]}"
done
refused "--hosts ''" "option --hosts takes hosts, for example a,b or node\[01-04\]; not ''" \
    --hosts '' "${touch_it[@]}"
for bad in 'a slots=0' 'a slots=' 'a slots' 'a b' 'a max_slots=2' 'a cpus=2' 'a:2 slots=2' \
    'a slots=1 slots=1' 'a wdir=x' 'a, slots=2' 'slots=2' '-x' 'n[1-x]' 'a wdir=/x wdir=/y'; do
    echo "$bad" >"$work/hosts"
    refused "a hostfile with '$bad'" "$work/hosts:1: " --hostfile "$work/hosts" "${touch_it[@]}"
done
: >"$work/hosts"
refused "a hostfile of nothing" "$work/hosts: no host is named" --hostfile "$work/hosts" \
    "${touch_it[@]}"
refused "a hostfile that is a folder" "option --hostfile $work: Is a directory" \
    --hostfile "$work" "${touch_it[@]}"
head -c 3000 /dev/urandom >"$work/hosts"
run "$IPCRUN" --hostfile "$work/hosts" "${touch_it[@]}"
is "$status $(wc -l <"$err")" "2 1" "a hostfile of noise: one line, exit status 2"
refused "hostfile not there" "option --hostfile $work/none: No such file or directory" \
    --hostfile "$work/none" "${touch_it[@]}"
refused "hosts twice" "options --hosts and --hostfile name hosts both" --hosts a --hostfile b \
    "${touch_it[@]}"
refused "two names of this host" "'localhost' and '127.0.0.1' are both this host; name it once" \
    --hosts localhost,127.0.0.1 "${touch_it[@]}"
refused "too many ranks for the hosts" "option -n 4097: a host can have 4096 ranks at most" \
    --hosts localhost -n 4097 "${touch_it[@]}"
for bad in b 'a:2' 'a,' 'n[' '' localhost; do
    refused "--exclude '$bad'" "option --exclude" --hosts localhost --exclude "$bad" \
        "${touch_it[@]}"
done
refused "--exclude without hosts" "option --exclude a: there are no hosts to exclude from" \
    --exclude a "${touch_it[@]}"
refused "hosts and a topology" "option --hosts: --topology describes machines in place of hosts" \
    --hosts localhost --topology "core:1 pu:1" "${touch_it[@]}"
refused "hosts and a topology to plan for" "option --hosts: --topology " \
    --hosts localhost --topology "core:1 pu:1" --dry-run
refused "hosts and measuring" "option --hosts: --measure-links measures the host" \
    --hosts localhost --measure-links
for bad in -1 x '' nan; do
    refused "--host-timeout '$bad'" "option --host-timeout takes a non-negative number" \
        --host-timeout "$bad" "${touch_it[@]}"
done
refused "--agent-path ''" "option --agent-path takes a file; not ''" --agent-path '' \
    "${touch_it[@]}"
for bad in 'a:x' '@' "@$work/none" '-x'; do
    export IPCRUN_HOSTS=$bad
    refused "IPCRUN_HOSTS=$bad" "variable IPCRUN_HOSTS" "${touch_it[@]}"
done
unset IPCRUN_HOSTS

refused "no machine before the star" "no machine is named before the '\*'" --dry-run --topology "*3"
printf '<system version="1"><cpu numaid="0" affinity="%05000d"/></system>' 0 | tr 0 x \
    >"$work/long.xml"
run "$IPCRUN" --dry-run --topology "$work/long.xml"
ok "long words of a file are not repeated whole" test "$(wc -c <"$err")" -lt 300
printf '\xef\xbb\xbfrank 0=+n0 slot=x\033[2J' >"$work/rankfile"
refused "rankfile behind a byte order mark" "'x\?\[2J' is no list" --rankfile "$work/rankfile" \
    "${touch_it[@]}"

touch "$work/cache"
run env XDG_CACHE_HOME="$work/cache" "$IPCRUN" --measure-links
is "$status $(wc -l <"$err")" "1 1" "costs that cannot be kept are not measured: one line"
like "$(<"$err")" "^ipcrun: make the folder $work/cache/ipcrun: " "it says what is in the way"

run bash -c 'exec "$@" >/dev/full' - "$IPCRUN" --dry-run -n 1 true
is "$status" 1 "a plan that cannot be written is a failure"
like "$(<"$err")" "^ipcrun: write the plan to standard output: No space" "it says so"
run bash -c '"$@" | true; echo "${PIPESTATUS[0]}"' - "$IPCRUN" --json -n 64 true
is "$(wc -c <"$err")" 0 "a reader of a plan may go away"

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
