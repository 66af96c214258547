# SPDX-License-Identifier: Apache-2.0
# Proves that the examples do what they say: for one rank, two, and more ranks than cores; and that
# what train.lua learns does not depend on how many ranks there are.
source "${TAP:?is set by meson test}"
examples=$SOURCES/examples

for ranks in 1 2 8; do
    run "$IPCRUN" -n "$ranks" "$examples/hello.lua"
    is "$status $(grep -c "^hello from rank [0-9] of $ranks\$" "$out")" "0 $ranks" \
        "hello.lua: $ranks ranks say hello"
    is "$(tail -1 "$out")" "all $ranks have said hello" "hello.lua: the last line comes last"
    run "$IPCRUN" -n "$ranks" "$examples/allreduce.lua"
    is "$status $(head -1 "$out")" "0 sum of 1..$ranks: $((ranks * (ranks + 1) / 2)).0" \
        "allreduce.lua: sums over $ranks ranks"
    like "$(tail -1 "$out")" "^1 MiB over $ranks ranks: [0-9]+ us \(median of 50\)\$" \
        "allreduce.lua: tells a time"
    run "$IPCRUN" -n "$ranks" "$examples/tree.lua"
    squares=$((ranks * (ranks - 1) * (2 * ranks - 1) / 6))
    steps=$(seq "$ranks" | paste -sd' ')
    longest=$(printf 'x%.0s' $(seq "$ranks"))
    like "$status $(paste -sd'|' "$out")" "^0 sum of nodes: $((ranks * (ranks + 1) / 2)).0\|\
longest text: $longest\|steps: $steps\|sum of squares: $squares(\.0)?\$" \
        "tree.lua: reduces by functions, and hands out work, over $ranks ranks"
done

run "$IPCRUN" -n 8 "$examples/train.lua"
is "$status $(<"$err")" "0 " "train.lua: 8 ranks train"
like "$(tail -1 "$out")" '^accuracy 0\.[0-9]{4}$' "train.lua: the last line is the accuracy"
score=$(tail -1 "$out" | cut -d' ' -f2)
ok "train.lua: $score of the held-out fifth is right, 0.97 at least" \
    awk -v score="$score" 'BEGIN { exit !(score >= 0.97) }'
is "$(grep -cE '^epoch +[0-9]+  loss [0-9.]+  accuracy 0\.[0-9]{4}  [0-9]+ samples/s$' "$out")" 80 \
    "train.lua: one line an epoch"
is "$(grep -c '\[' "$out")" 0 "train.lua: no progress bar where there is no terminal"
run script -qec "$IPCRUN -n 2 $examples/train.lua --epochs 1" /dev/null
like "$(tr '\r' '\n' <"$out")" $'epoch   1 \[=+ *\]\nepoch   1 \[=' "train.lua: one where there is"

# farthest A B: the largest relative difference between the numbers of two files, line by line.
farthest() {
    paste "$1" "$2" | awk '{ d = ($1 - $2) / $1; if (d < 0) d = -d; if (d > most) most = d
        if (NF != 2) most = 1 } END { printf "%.3g\n", NR > 0 ? most : 1 }'
}
at_most() { awk -v value="$1" -v limit="$2" 'BEGIN { exit !(value <= limit) }'; }
for ranks in {1..8}; do
    for type in double float; do
        run "$IPCRUN" -n "$ranks" "$examples/train.lua" --type $type --epochs 4 --losses
        sed -n 's/^epoch.*loss \([^ ]*\) .*/\1/p' "$out" >"$work/$type.$ranks"
    done
    off=$(farthest "$work/double.1" "$work/double.$ranks")
    ok "double: with $ranks ranks the loss of every epoch is off by $off" at_most "$off" 1e-9
    off=$(farthest <(head -1 "$work/float.1") <(head -1 "$work/float.$ranks"))
    ok "float: with $ranks ranks the first loss is off by $off" at_most "$off" 1e-4
done
is "$(wc -l <"$work/double.8")" 4 "four losses were compared"

refused() {
    local message=$1
    shift
    run "$IPCRUN" -n 3 "$examples/train.lua" "$@"
    is "$status $(head -1 "$err")" "2 train.lua: $message" "train.lua $*: exit status 2, and why"
}
refused "no such option: --epoch (see the head of $examples/train.lua)" --epoch 3
refused "no such option: 3 (see the head of $examples/train.lua)" 3
refused "--epochs needs a value like 80, not 1.5" --epochs 1.5
refused "--epochs needs a value like 80, not nothing" --epochs
refused "--rate needs a value like 0.5, not -1" --rate -1
refused "--type is float or double, not half" --type half
refused "--data /nowhere.csv: No such file or directory" --data /nowhere.csv
refused "--data $examples/hello.lua: line 1 is not 65 numbers" --data "$examples/hello.lua"

nothing_left "nothing is left"
done_testing
