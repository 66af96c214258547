# SPDX-License-Identifier: Apache-2.0
# Proves what workers find around them: variables, directory, CPUs, threads, descriptors.
source "${TAP:?is set by meson test}"

place='echo $IPCRUN_RANK/$IPCRUN_SIZE $IPCRUN_NODE $IPCRUN_LOCAL_RANK/$IPCRUN_LOCAL_SIZE'
is "$("$IPCRUN" -n 2 sh -c "$place" | sort | paste -sd,)" \
    "0/2 0 0/2,1/2 0 1/2" "each rank knows its place"
count_rank='env | grep -c "^IPCRUN_RANK="; echo $IPCRUN_RANK'
is "$(env IPCRUN_RANK=7 IPCRUN_SIZE=9 "$IPCRUN" -n 1 sh -c "$count_rank")" \
    $'1\n0' "a job in a job is a job of its own"

value=$'two words $HOME `id` \' " \\ * \n line'
is "$("$IPCRUN" -n 1 -x "HOSTILE=$value" printenv HOSTILE)" "$value" \
    "-x NAME=VALUE passes any value"
is "$(FROM_HERE=$value "$IPCRUN" -n 1 -x FROM_HERE printenv FROM_HERE)" "$value" \
    "the environment is inherited"
is "$(A=old "$IPCRUN" -n 1 -x A=new -x B= sh -c 'env | grep "^[AB]=" | sort | paste -sd,')" \
    "A=new,B=" \
    "-x NAME=VALUE replaces, and may be empty"
is "$(IPCRUN_FABRIC=none "$IPCRUN" -n 1 --fabric 'tcp;ofi_rxm' printenv IPCRUN_FABRIC)" \
    "tcp;ofi_rxm" "--fabric reaches all ranks"
is "$("$IPCRUN" -n 1 --deterministic printenv IPCRUN_DETERMINISTIC)" 1 \
    "--deterministic reaches all ranks"
hostile=('a b' '' '$x' "'" '*')
is "$("$IPCRUN" -n 1 printf '%s,' "${hostile[@]}")" "$(printf '%s,' "${hostile[@]}")" \
    "arguments reach the program as they are"
is "$("$IPCRUN" -n 1 echo -n --tag-output --help)" "--tag-output --help" \
    "parsing stops at the program"
is "$("$IPCRUN" -n 1 -- echo x)" x "-- may stand before it"

mkdir "$work/dir"
cp /bin/echo "$work/dir/here"
is "$("$IPCRUN" -n 1 --wdir "$work/dir" sh -c 'pwd')" "$work/dir" "--wdir is where workers run"
is "$("$IPCRUN" -n 1 --wdir "$work/dir" ./here x)" x "and where the program is looked for"

allowed=$(awk '/^Cpus_allowed_list/ {print $2}' /proc/self/status)
cpus=$(nproc)
show='awk "/^Cpus_allowed_list/ {print \$2}" /proc/self/status'
is "$("$IPCRUN" -n 2 --bind-to none sh -c "$show" | sort -u)" "$allowed" \
    "--bind-to none binds nothing"
is "$("$IPCRUN" -n 1 sh -c "$show")" "$allowed" "one rank gets all that is allowed"
if [[ $cpus -ge 2 ]]; then
    is "$("$IPCRUN" -n 2 sh -c "$show" | sort -u | wc -l)" 2 "two ranks get shares of their own"
    "$IPCRUN" -n 2 --report-bindings sh -c \
        'echo "rank $IPCRUN_RANK: cpus $('"$show"'), NUMA"' >"$out" 2>"$err"
    is "$(sed 's/ NUMA.*/ NUMA/' "$err")" "$(sort "$out")" "--report-bindings says what is done"
    like "$(head -1 "$err")" '^rank 0: cpus [0-9,-]+, NUMA node [0-9]+, [0-9]+ threads?$' \
        "in one line a rank"
    first=${allowed%%[,-]*}
    is "$(taskset -c "$first" "$IPCRUN" -n 2 sh -c "$show" | sort -u)" "$first" \
        "CPUs that ipcrun may not use are not used"
    is "$(taskset -c "$first" "$IPCRUN" sh -c 'echo $IPCRUN_SIZE')" 1 \
        "the default number of ranks counts allowed cores"
fi
is "$("$IPCRUN" -n 1000 --bind-to core true; echo $?)" 0 "many more ranks than cores are bound too"

unset OMP_NUM_THREADS OPENBLAS_NUM_THREADS
threads='echo $OMP_NUM_THREADS,$OPENBLAS_NUM_THREADS'
is "$("$IPCRUN" -n 64 sh -c "$threads" | sort -u)" 1,1 \
    "with more ranks than cores each has one thread"
is "$(OMP_NUM_THREADS=5 "$IPCRUN" -n 64 sh -c "$threads" | sort -u)" 5,1 \
    "the user's OMP_NUM_THREADS stays"
is "$("$IPCRUN" -n 2 -x OPENBLAS_NUM_THREADS=3 sh -c "$threads" | cut -d, -f2 | sort -u)" 3 \
    "so does one from -x"

exec 9</dev/null
is "$("$IPCRUN" -n 2 sh -c '[ $IPCRUN_RANK = 1 ] || ls /proc/$$/fd' | paste -sd' ')" "0 1 2 3" \
    "a worker has the descriptors 0 to 3 and no other"
exec 9<&-
is "$("$IPCRUN" -n 1 sh -c 'readlink /proc/$$/fd/3' | cut -d: -f1)" socket "3 is the control socket"

is "$("$IPCRUN" -n 1 grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d ' \t0' | paste -sd,)" \
    "SigBlk:,SigIgn:" "signals are at their defaults"
is "$(trap '' USR1; "$IPCRUN" -n 1 awk '/^SigIgn/ {print $2}' /proc/self/status | tail -c 4)" \
    "200" \
    "a signal that was ignored when ipcrun started stays ignored"

cpu=${allowed%%[-,]*}
mask=$(printf '%08x' $((1 << (cpu % 32))))
for ((word = cpu / 32; word > 0; word--)); do mask+=,00000000; done
gpu='class="0x030200" vendor="0x10de" link_speed="16.0 GT/s PCIe" link_width="16"'
cat >"$work/gpus.xml" <<END
<system version="1"><cpu numaid="0" affinity="$mask" arch="x86_64">
<pci busid="0000:01:00.0" $gpu><gpu dev="0" sm="80"/></pci>
<pci busid="0000:02:00.0" $gpu><gpu dev="1" sm="80"/></pci>
</cpu></system>
END
gpus='echo $IPCRUN_GPU $CUDA_VISIBLE_DEVICES'
described=("$IPCRUN" --topology "$work/gpus.xml" -n 2 sh -c "$gpus")
is "$(env -u CUDA_VISIBLE_DEVICES "${described[@]}" | sort | paste -sd,)" \
    "0000:01:00.0 0,0000:02:00.0 1" "each rank sees its GPU of a described machine"
is "$(CUDA_VISIBLE_DEVICES=1 "${described[@]}" | sort -u)" "0000:02:00.0 1" \
    "and none that is hidden"

done_testing
