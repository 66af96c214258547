# SPDX-License-Identifier: Apache-2.0
# Proves: every option that --help prints is in the manual page, and back.
source "${TAP:?is set by meson test}"

"$IPCRUN" --help >"$out" 2>"$err"
is "$?" 0 "--help ends with 0"
is "$(<"$err")" "" "and prints to standard output"
in_help=$(grep -E '^  -' "$out" | sed -E 's/^  //; s/  .*//' |
    grep -oE -- '(^| )--?[a-zA-Z][a-z-]*' | tr -d ' ' | sort -u)
in_manual=$(sed -n '/^# OPTIONS/,/^# EXIT/p' "$MANUAL" | grep -E '^\*-' | grep -oE -- \
    '\*-[a-zA-Z-]+\*' | tr -d '*' | sort -u)
is "$in_manual" "$in_help" "the manual page and --help have the same options"
for variable in $(grep -ohE '"IPCRUN_[A-Z_]+"' "$SOURCES"/runtime/wire/rank_environment.cpp \
    "$SOURCES"/runtime/wire/nic_environment.hpp "$SOURCES"/launcher/*.cpp \
    "$SOURCES"/launcher/hosts/*.hpp |
    grep -v IPCRUN_VERSION | tr -d '"' | sort -u); do
    ok "the manual page knows $variable" grep -q "^\*$variable\*" <(sed 's/\\//g' "$MANUAL")
done
like "$("$IPCRUN" --version)" '^ipcrun [0-9]+\.[0-9]+\.[0-9]+$' "--version prints the version"
is "$("$IPCRUN" --help --version | head -1)" "usage: ipcrun [options] program [arguments]" \
    "--help goes first"

done_testing
