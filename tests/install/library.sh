# SPDX-License-Identifier: Apache-2.0
# Proves: a C++ program is built against what `meson install` puts down, and nothing else; it runs
# alone and as the ranks of a job, and programs that ignore us run under the same ipcrun. Its
# arguments are the command of Meson.
source "${TAP:?is set by meson test}"

unset LD_LIBRARY_PATH CPATH CPLUS_INCLUDE_PATH LIBRARY_PATH
stage=$work/stage
DESTDIR=$stage run "$@" install -C "$BUILD" --no-rebuild
is "$status" 0 "meson install succeeds"
[[ $status == 0 ]] || sed 's/^/# /' "$err"
installed=$stage$PREFIX
headers=$installed/include/ipcrun
export PATH=$installed/bin:/usr/local/bin:/usr/bin:/bin
PKG_CONFIG_PATH=$(dirname "$(find "$stage" -name ipcrun.pc)")
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR=$stage
LD_LIBRARY_PATH=$(dirname "$(find "$stage" -name libipcrun.so.0)")
export LD_LIBRARY_PATH
cd "$work" || exit 1

run pkg-config --cflags --libs --print-errors ipcrun
is "$status" 0 "pkg-config knows ipcrun"
like "$(<"$out")" "^-I$headers -L$LD_LIBRARY_PATH -lipcrun *$" "and asks for no other library"
# shellcheck disable=SC2207  # words
flags=(-std=c++20 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags --libs ipcrun))

strange=$(grep -rhE '^ *# *include <' "$headers" | grep -vE '<([a-z_]+|unistd\.h)>$')
is "$strange" "" "the headers include nothing but the standard library, unistd.h and one another"
mapfile -t names < <(cd "$headers" && find . -name '*.hpp' | sort)
for header in "${names[@]}"; do
    printf '#include "%s"\n#include "%s"\n' "$header" "$header" >alone.cpp
    run g++ "${flags[@]}" -fsyntax-only alone.cpp
    is "$status$(<"$err")" 0 "g++ compiles ${header#./} by itself"
done
if command -v clang++ >/dev/null; then
    printf '#include "%s"\n' "${names[@]}" >all.cpp
    run clang++ "${flags[@]}" -Wno-unused-command-line-argument -fsyntax-only all.cpp
    is "$status$(<"$err")" 0 "clang++ compiles all of them together"
fi

cp "$installed/share/ipcrun/examples/ring.cpp" .
run g++ -O2 ring.cpp -o ring "${flags[@]}"
is "$status$(<"$err")" 0 "examples/ring.cpp compiles and links"
run ./ring
is "$status $(<"$out")" $'0 around the ring: 0\nrank 0 of 1: the sum is 0' "and runs alone"
run ipcrun -n 4 ./ring
is "$status $(sort "$out")" "0 around the ring: 6
rank 0 of 4: the sum is 6
rank 1 of 4: the sum is 6
rank 2 of 4: the sum is 6
rank 3 of 4: the sum is 6" "and as four ranks"
run env IPCRUN_RANK=1 IPCRUN_SIZE=x ./ring
is "$status" 1 "it catches what the library throws"
like "$(<"$err")" "^ring: .*IPCRUN_SIZE" "which says what is wrong"

cat >lonely.cpp <<'END'
#include <cstdio>
#include <ipcrun.hpp>
#include <string>
int main() {
    const auto job = ipcrun::Job::join();
    if (job->place().rank == 1) return 0;
    try {
        job->world().barrier();
    } catch (const ipcrun::Error& error) {
        const std::string code(name_of(error.code));
        std::printf("%s of rank %d\n", code.c_str(), error.rank.value());
    }
}
END
run g++ lonely.cpp -o lonely "${flags[@]}"
is "$status$(<"$err")" 0 "a program of one's own compiles and links"
run ipcrun -n 2 ./lonely
is "$status $(<"$out")" "0 peer_lost of rank 1" "and learns that a peer has left"

sed -n '/^# EXAMPLE/,/^# SEE/p' "$SOURCES/man/libipcrun.3.scd" | sed -n '/^```/,/^```/p' |
    sed -e '/^```/d' -e 's/\\\\/\\/g' >manual.cpp
run g++ manual.cpp -o manual "${flags[@]}"
is "$status$(<"$err")" 0 "the example of libipcrun(3) compiles and links"
run ipcrun -n 3 ./manual
is "$status $(sort "$out" | paste -sd';')" "0 rank 0 has 3;rank 1 has 3;rank 2 has 3" "and runs"

run ipcrun -n 2 true
is "$status" 0 "true runs as two ranks"
run ipcrun -n 2 sh -c 'echo $IPCRUN_RANK of $IPCRUN_SIZE'
is "$status $(sort "$out" | paste -sd';')" "0 0 of 2;1 of 2" "so does a shell"
python='import os; print(os.environ["IPCRUN_RANK"], "of", os.environ["IPCRUN_SIZE"])'
run ipcrun -n 2 python3 -c "$python"
is "$status $(sort "$out" | paste -sd';')" "0 0 of 2;1 of 2" "so does Python"
run ipcrun -n 3 sh -c '[ $IPCRUN_RANK = 1 ] && exec ./ring; exec true'
is "$status" 1 "a program that joins fails when the other ranks never do"

done_testing
