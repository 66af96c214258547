#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a libFuzzer target on its seeds, and on what it makes of them, for some seconds.
#   short_run.sh TARGET
set -euo pipefail
target=$(readlink -f "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/seeds"
"$target" --seeds "$work/seeds"
# The seed of its random numbers is given, so that a run can be had again.
cd "$work"
"$target" -seed=1 -runs=500000 -max_total_time=15 -print_final_stats=1 seeds 2>&1 | tail -n 30
