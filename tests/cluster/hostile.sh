# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: arguments, variables, folders and paths come to another host as they are: no shell reads
# them, and none is too long.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 2
export LC_ALL=C # for sort and grep

bytes=
for ((byte = 1; byte < 256; ++byte)); do bytes+=$(printf '\\x%02x' $byte); done
bytes=$(printf "${bytes}_") # no line break at the end, which $() would take
hostile=("" " " "*" "~" '$HOME' '$(reboot)' '`reboot`' '; reboot #' "it's" '"' "'" '\' 'a\' '!!'
    '-n' '--' '{a,b}' '&' '|cat' '>file' $'line\nbreak' $'\r' $'\xff\xfe' '%s%n' "$bytes")
long=$(printf "%0100000d" 0)${bytes}

program=("$IPCRUN" --hosts h2:1)

printf '%s\0' "${hostile[@]}" >"$work/expected"
run_on h1 "${program[@]}" /usr/bin/printf '%s\0' "${hostile[@]}"
ok "hostile: arguments with every character" cmp "$out" "$work/expected"

printf '%s\0' "$long" "$long" "$long" "$long" "$long" >"$work/expected"
run_on h1 "${program[@]}" /usr/bin/printf '%s\0' "$long" "$long" "$long" "$long" "$long"
ok "hostile: half a MiB of them" cmp "$out" "$work/expected"

settings=()
for index in "${!hostile[@]}"; do settings+=("HOSTILE_$index=${hostile[index]}"); done
settings+=('HOSTILE NAME=1' 'HOSTILE_FUNC_reboot%%=() { reboot; }' "HOSTILE'=1"
    'HOSTILE$(reboot)=1')
for index in {1..6}; do settings+=("HOSTILE_LONG_$index=$long"); done
printf '%s\0' "${settings[@]}" | sort -z >"$work/expected"
run_on h1 env "${settings[@]}" "${program[@]}" env -0
is "$status $(<"$err")" "0 " "hostile: with an environment of half a MiB and more"
grep -az '^HOSTILE' "$out" | sort -z >"$work/given"
ok "hostile: variables with every character" cmp "$work/given" "$work/expected"

run_on h1 env "${settings[@]}" "$IPCRUN" --hosts h1:2,h2:2 /usr/bin/printf '%s' \
    "$long" "$long" "$long" "$long"
is "$status $(tr -d '\n' <"$out" | wc -c)" "0 $((16 * $(printf %s "$long" | tr -d '\n' | wc -c)))" \
    "hostile: on both hosts at once, a MiB to each rank"

run_on h1 "${program[@]}" -x 'HOSTILE=a "b" $(c)' -x "EMPTY=" sh -c 'printf "%s" "$HOSTILE$EMPTY"'
is "$(<"$out")" 'a "b" $(c)' "hostile: variables of -x"

folder="$work/it's a \"folder\" \$(reboot) \`x\` "$'\xff'" ! \\"
mkdir "$folder"
run_on h1 "${program[@]}" --wdir "$folder" pwd
is "$(<"$out")" "$folder" "hostile: a folder"
cp "$(command -v hostname)" "$folder/a program"
run_on h1 "${program[@]}" "$folder/a program"
is "$(<"$out")" h2 "hostile: the path of a program"
ln -s "$IPCRUN" "$folder/its agent"
run_on h1 "${program[@]}" --agent-path "$folder/its agent" hostname
is "$status $(<"$out")$(<"$err")" "0 h2" "hostile: the path of ipcrun there"

hosts_are_clean "hostile: nothing is left"
done_testing
