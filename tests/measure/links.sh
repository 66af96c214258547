# SPDX-License-Identifier: Apache-2.0
# Proves that the links of a machine are measured by a job, and written whole or not at all.
source "${TAP:?is set by meson test}"

file=$work/cache/ipcrun/links.json
number=0123456789abcdef
run "$IPCRUN" -n 3 --timeout 60 "$MEASURE" "$file" "$number" core:0-1 l3:0-2 l3:1-2
is "$status" 0 "a job measures the pairs that it is told"
row='^core +[0-9.]+ us +[0-9.]+ us +[0-9.]+ GB/s$'
is "$(grep -cE "$row" "$out")" 1 "it prints a row for each class"
is "$(grep -c '^l3 ' "$out")" 1 "two pairs of one class are one row"
like "$(<"$file")" "\"machine\": \"$number\"" "the file says of which machine it is"
like "$(<"$file")" '"reduce_us_per_byte": [0-9]' "the speed of additions is measured too"
is "$(stat -c %a "$file")" 600 "the file is for its owner alone"

run "$IPCRUN" -n 2 --timeout 60 "$MEASURE" "$work/none.json" "$number" l3:0-2
is "$status" 2 "a pair beyond the last rank is refused"
like "$(<"$err")" "'l3:0-2' is no pair of 2 ranks" "the message names it"
run "$IPCRUN" -n 2 --timeout 60 "$MEASURE" "$work/none.json" 123 l3:0-1
like "$(<"$err")" "'123' is no number of a machine" "what is no number of a machine is refused"
ok "nothing was written" test ! -e "$work/none.json"

run "$IPCRUN" -n 2 --timeout 60 "$MEASURE" /proc/none/links.json "$number" l3:0-1
is "$status" 1 "a file that cannot be written is an error"
like "$(<"$err")" 'make the folder /proc/none' "the message says what was attempted"
# What is kept is asked for by every job, but not by the one that writes it anew.
export XDG_CACHE_HOME=$work/kept
run "$IPCRUN" --measure-links --timeout 90
is "$status" 0 "ipcrun measures this machine"
kept=("$work"/kept/ipcrun/links-*.json)
echo damaged >"${kept[0]}"
run "$IPCRUN" -n 1 true
like "$(<"$err")" 'delete the file, or measure again' "a damaged file is told of"
run "$IPCRUN" --measure-links --timeout 90
is "$status" 0 "and measuring again replaces it"
ok "what was measured can be used" "$IPCRUN" -n 1 true
done_testing
